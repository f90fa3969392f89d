"""A Kafka that asks who one is: SASL over plain TCP and over TLS with a self-made certificate.

From the Apache Kafka jars only: where there is no Java, its tests are skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.kafka import JarBroker, NoKafkaError
from tests.support.ports import free_port

USER = "ana"
PASSWORD = "correct-horse-42"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_LOGIN = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class GuardedKafka:
    """Addresses of one broker by the protocol that they speak."""

    servers: dict[str, str]
    ca_file: Path

    @property
    def plain(self) -> str:
        """The address that asks nothing, for what a test does itself."""
        return self.servers["PLAINTEXT"]

    def settings(self, protocol: str, mechanism: str, **changes: Any) -> dict[str, Any]:
        """The settings of somebody who may come in this way."""
        found = {
            "kafka_bootstrap_servers": self.servers[protocol],
            "kafka_security_protocol": protocol,
            "kafka_sasl_mechanism": mechanism,
            "kafka_username": USER,
            "kafka_password": PASSWORD,
        }
        if protocol == "SASL_SSL":
            found["kafka_ca_file"] = str(self.ca_file)
        return {name: value for name, value in (found | changes).items() if value is not None}


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and a file of it with its key."""
    key, certificate, both = (folder / name for name in ("key.pem", "ca.pem", "both.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
         "-days", "2", "-subj", "/CN=kafka", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_text(key.read_text() + certificate.read_text())
    return certificate, both


def _properties(guarded: int, secure: int, keystore: Path) -> dict[str, str]:
    logins = {
        "plain": f'{_LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
        "scram-sha-256": f"{_LOGIN}.scram.ScramLoginModule required;",
        "scram-sha-512": f"{_LOGIN}.scram.ScramLoginModule required;",
    }
    addresses = f"+GUARDED://127.0.0.1:{guarded},SECURE://127.0.0.1:{secure}"
    return {
        "listeners": addresses,
        "advertised.listeners": addresses,
        "listener.security.protocol.map": "+GUARDED:SASL_PLAINTEXT,SECURE:SASL_SSL",
        "sasl.enabled.mechanisms": ",".join(MECHANISMS[:2]),
        "listener.name.secure.sasl.enabled.mechanisms": ",".join(MECHANISMS),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        **{
            f"listener.name.{listener}.{mechanism}.sasl.jaas.config": login
            for listener in ("guarded", "secure")
            for mechanism, login in logins.items()
        },
    }


@pytest.fixture(scope="package")
def guarded_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    """The guarded broker. SCRAM-SHA-512 is taken over TLS only."""
    guarded, secure = free_port(), free_port()
    scram = [f"--add-scram={each}=[name={USER},password={PASSWORD}]" for each in MECHANISMS[1:]]
    try:
        if shutil.which("openssl") is None:
            raise NoKafkaError("no openssl to make a certificate with")
        ca_file, keystore = _certificate(tmp_path_factory.mktemp("certificate"))
        broker = JarBroker(_properties(guarded, secure, keystore), scram)
    except NoKafkaError as error:
        message = f"NO KAFKA WITH CREDENTIALS, so none are tested: {error}"
        if os.environ.get("REQUIRE_KAFKA") == "1" and shutil.which("java"):
            pytest.fail(message)
        pytest.skip(message)
    servers = {
        "PLAINTEXT": broker.bootstrap,
        "SASL_PLAINTEXT": f"127.0.0.1:{guarded}",
        "SASL_SSL": f"127.0.0.1:{secure}",
    }
    yield GuardedKafka(servers, ca_file)
    broker.close()
