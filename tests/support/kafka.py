"""A real Kafka for tests, found in this order: KAFKA_BOOTSTRAP_SERVERS; a container, where a Docker engine
answers; the Apache Kafka jars on a local Java 17. Where there is none, tests that ask for it are skipped, or
fail if REQUIRE_KAFKA=1.

The broker of a container or of the jars can be killed, stopped and started again under its address.
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import platformdirs
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.guard import Guard
from tests.support.ports import free_port

KAFKA = "4.1.1"
IMAGE = f"apache/kafka:{KAFKA}"
_START_SECONDS = 60.0
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>soulprint</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{KAFKA}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version></dependency>
  </dependencies>
</project>
"""


class NoKafkaError(Exception):
    """This way of getting a Kafka does not work here; the message says why."""


class Broker(Protocol):
    """One Kafka broker with a fixed address."""

    bootstrap: str
    controllable: bool
    """Whether kill, stop and start work: not for a broker that someone else runs."""
    doors: tuple[int, int] | None
    """A port of the broker's, and the one it names to who comes in there (`kafka_door`); None: none."""

    def kill(self) -> None:
        """kill -9."""

    def stop(self) -> None:
        """Stop gracefully and wait for the end."""

    def start(self) -> None:
        """Start again after kill or stop and return when the port answers."""

    def close(self) -> None:
        """End it and remove what it stored."""


def _settings(host: str, port: int, controller_port: int) -> dict[str, str]:
    """One KRaft node that is broker and controller, quick to fail and quick to come back."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@localhost:{controller_port}",
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,DOOR:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "auto.create.topics.enable": "false",
        # A killed broker must wait for its old registration to expire before it may serve again.
        "broker.session.timeout.ms": "1500",
        "broker.heartbeat.interval.ms": "300",
    }


class ExternalBroker:
    """A broker that someone else runs."""

    controllable, doors = False, None

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def kill(self) -> None:
        pytest.skip("the Kafka of KAFKA_BOOTSTRAP_SERVERS is not ours to kill")

    stop = start = kill

    def close(self) -> None:
        return


class JarBroker:
    """The Apache Kafka jars as a process of ours."""

    controllable = True

    def __init__(
        self,
        changes: Mapping[str, str] | None = None,
        format_with: Sequence[str] = (),
        java: Sequence[str] = (),
    ) -> None:
        """`changes` of its properties, where a leading + adds to a list, and what else formatting and Java
        get."""
        program = shutil.which("java")
        if program is None:
            raise NoKafkaError("no java")
        self._home = Path(tempfile.mkdtemp(prefix="soulprint-kafka-"))
        self._command = [
            program, "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", *java, "-cp", f"{_jars()}/*",
        ]  # fmt: skip
        self._port = free_port()
        self.bootstrap = f"127.0.0.1:{self._port}"
        self.doors = (free_port(), free_port())
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None
        properties = _settings("127.0.0.1", self._port, free_port())
        properties |= {
            "listeners": f"{properties['listeners']},DOOR://127.0.0.1:{self.doors[0]}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap},DOOR://127.0.0.1:{self.doors[1]}",
            "log.dirs": f"{self._home}/data",
        }
        for name, value in (changes or {}).items():
            properties[name] = f"{properties[name]},{value[1:]}" if value.startswith("+") else value
        self._properties = self._home / "server.properties"
        self._properties.write_text("".join(f"{k}={v}\n" for k, v in properties.items()))
        self._run(
            "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", str(self._properties),
            *format_with,
        )  # fmt: skip
        self.start()

    def _run(self, *arguments: str) -> None:
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoKafkaError(f"{arguments[0]} failed: {(done.stdout + done.stderr)[-800:]}")

    def start(self) -> None:
        with (self._home / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, "kafka.Kafka", str(self._properties)], stdout=log, stderr=log
            )
        process = self._process
        self._guard = Guard.of(process)
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self._port):
            if process.poll() is not None or time.monotonic() > deadline:
                tail = (self._home / "kafka.log").read_text(errors="replace")[-1500:]
                raise NoKafkaError(f"the Kafka process did not start: {tail}")
            time.sleep(0.05)

    @property
    def log(self) -> Path:
        """What it has written."""
        return self._home / "kafka.log"

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None
            assert self._guard is not None
            self._guard.release()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)


class ContainerBroker:
    """The official image in a container, through testcontainers."""

    controllable, doors = True, None

    def __init__(self) -> None:
        if not _docker_answers():
            raise NoKafkaError("no Docker engine answers")
        from testcontainers.core.container import DockerContainer

        self._port = free_port()
        self.bootstrap = f"127.0.0.1:{self._port}"
        settings = _settings("0.0.0.0", 9092, 9093) | {
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}"
        }
        container: Any = DockerContainer(IMAGE)
        for name, value in settings.items():
            container = container.with_env(f"KAFKA_{name.upper().replace('.', '_')}", value)
        # A fixed port of ours: a published random port would change with every restart.
        self._container = container.with_kwargs(ports={"9092/tcp": ("127.0.0.1", self._port)})
        try:
            self._container.start()
            self._wait()
        except Exception as error:
            self.close()
            raise NoKafkaError(f"the container did not start: {error!r}"[:500]) from error

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self._port):
            if time.monotonic() > deadline:
                raise NoKafkaError("the container's port does not answer")
            time.sleep(0.05)

    def start(self) -> None:
        self._container.get_wrapped_container().start()
        self._wait()

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def stop(self) -> None:
        self._container.get_wrapped_container().stop(timeout=60)

    def close(self) -> None:
        self._container.stop()


def _docker_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    try:
        done = subprocess.run(["docker", "version"], capture_output=True, timeout=15, check=False)
        return done.returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _answers(port: int) -> bool:
    """Whether Kafka itself answers an ApiVersions request: Docker's proxy accepts before Kafka does."""
    request = b"\x00\x12\x00\x00\x00\x00\x00\x01\x00\x01x"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as sock:
            sock.sendall(len(request).to_bytes(4, "big") + request)
            return len(sock.recv(4)) == 4
    except OSError:
        return False


def _jars() -> Path:
    """The folder of Kafka's jars, fetched once by Maven into the user's cache folder."""
    folder = platformdirs.user_cache_path("soulprint") / f"kafka-{KAFKA}"
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise NoKafkaError("no mvn to fetch Kafka's jars with")
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="kafka-", dir=folder.parent))
    try:
        (work / "pom.xml").write_text(_POM)
        done = subprocess.run(
            [maven, "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime",
             f"-DoutputDirectory={work}/jars"],
            cwd=work, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise NoKafkaError(f"mvn could not fetch Kafka's jars: {done.stdout[-500:]}")
        try:
            (work / "jars").rename(folder)
        except OSError:
            if not folder.is_dir():  # else another run was quicker
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def acl_tool(folder: Path) -> Path:
    """Makes kafka-acls.sh in this folder: Kafka's own, which the jars of a broker do not hold."""
    copied = subprocess.run(
        ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact=org.apache.kafka:kafka-tools:{KAFKA}",
         f"-DoutputDirectory={folder}/jars"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if copied.returncode:
        raise NoKafkaError(f"mvn could not fetch Kafka's tools: {copied.stdout[-500:]}")
    tool = folder / "kafka-acls.sh"
    tool.write_text(
        f"#!/bin/sh\nexec java -cp '{_jars()}/*:{folder}/jars/*' org.apache.kafka.tools.AclCommand \"$@\"\n"
    )
    tool.chmod(0o755)
    return tool


@functools.cache
def _find() -> Broker | str:
    """The broker of this test run, or why there is none."""
    if bootstrap := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return ExternalBroker(bootstrap)
    reasons = []
    for way in (ContainerBroker, JarBroker):
        try:
            return way()
        except NoKafkaError as error:
            reasons.append(f"{way.__name__}: {error}")
    return "; ".join(reasons)


@pytest.fixture(scope="session")
def kafka() -> Iterator[Broker]:
    """The Kafka broker of the session."""
    found = _find()
    if isinstance(found, str):
        message = f"NO KAFKA, so nothing on the log is tested: {found}"
        if os.environ.get("REQUIRE_KAFKA") == "1":
            pytest.fail(message)
        pytest.skip(message)
    yield found
    found.close()
    _find.cache_clear()


def unique(name: str) -> str:
    """A topic or group name that no other test has."""
    return f"{name}.{uuid.uuid4().hex[:8]}"


async def create_topics(bootstrap: str, partitions: Mapping[str, int], **config: object) -> None:
    """Create topics of so many partitions; `max_message_bytes=10` is the configuration max.message.bytes."""
    configs = {name.replace("_", "."): str(value) for name, value in config.items()}
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        answer = await admin.create_topics(
            [NewTopic(t, n, 1, topic_configs=configs) for t, n in partitions.items()]
        )
        errors = [e for e in answer.topic_errors if e[1]]
        assert not errors, errors
    finally:
        await admin.close()


async def delete_topics(bootstrap: str, *topics: str) -> None:
    """Delete topics; return when the broker has taken that, a moment before it is so."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        answer = await admin.delete_topics(list(topics))
        assert [code for _, code in answer.topic_error_codes] == [0] * len(topics)
    finally:
        await admin.close()
