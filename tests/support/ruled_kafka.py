"""A Kafka that lets nobody do what is not granted: an authoriser that denies by default, a login for each
service, each command and an app, and a log of every decision.

From the Apache Kafka jars only: where there is no Java, its tests are skipped.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from shared.log.kafka.rights import APP, COMMANDS, OPS, Right, rights_of
from shared.pipelines import SERVICES
from tests.support.kafka import JarBroker, NoKafkaError
from tests.support.ports import free_port

LOGINS = (*SERVICES, APP, *COMMANDS)
"""A login for each service, for each command by its words, and for an app."""
PASSWORD = "correct-horse-42"
_KINDS = {"topic": 2, "group": 3}
_OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
_LITERAL, _ALLOW = 3, 3
_DECISION = re.compile(
    r"Principal = User:(?P<login>\S+) is (?P<verdict>Allowed|Denied) operation = (?P<operation>\w+) from "
    r"host = \S+ on resource = (?P<kind>\w+):LITERAL:(?P<name>\S+) for request = (?P<request>\w+)"
)


def needs(login: str, pipeline: str = "v2") -> frozenset[Right]:
    """What the table says that one of LOGINS, or OPS, needs."""
    return frozenset(COMMANDS[login](pipeline)) if login in COMMANDS else rights_of(login, pipeline)


class Decision(NamedTuple):
    """What the broker was asked to let a login do, and its answer."""

    login: str
    allowed: bool
    operation: str
    """As the broker spells it: READ, DESCRIBE_CONFIGS."""
    kind: str
    name: str
    request: str


@dataclass
class RuledKafka:
    """The broker, and how to come in."""

    broker: JarBroker
    guarded: str

    @property
    def bootstrap(self) -> str:
        """The address at which nobody is asked anything, for what a test does itself."""
        return self.broker.bootstrap

    def settings(self, login: str) -> Mapping[str, Any]:
        """The settings of this login."""
        return {
            "kafka_bootstrap_servers": self.guarded,
            "kafka_security_protocol": "SASL_PLAINTEXT",
            "kafka_sasl_mechanism": "PLAIN",
            "kafka_username": _user(login),
            "kafka_password": PASSWORD,
        }

    async def grant(self, rights: Iterable[tuple[str, Right]]) -> None:
        """Let logins do this; names with their prefix."""
        acls = [_acl(login, right) for login, right in rights]
        request = CreateAclsRequest(*acls[0])
        request.build = lambda struct: struct(acls)  # its own sends one at a time
        answer = await self._ask(request)
        assert {code for code, _ in answer.creation_responses} == {0}, answer

    async def revoke(self, login: str, right: Right) -> None:
        """Let it do this no more."""
        answer = await self._ask(DeleteAclsRequest(*_acl(login, right)))
        assert [len(found) for _, _, found in answer.filter_responses] == [1], answer

    async def _ask(self, request: Any) -> Any:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            return await admin._send_request(request)
        finally:
            await admin.close()

    def decisions(self) -> set[Decision]:
        """All that was decided so far, of our logins."""
        logins = {_user(login): login for login in LOGINS}
        return {
            Decision(
                logins[found["login"]],
                found["verdict"] == "Allowed",
                found["operation"],
                found["kind"].lower(),
                found["name"],
                found["request"],
            )
            for found in _DECISION.finditer(self.broker.log.read_text(errors="replace"))
            if found["login"] in logins
        }


def _user(login: str) -> str:
    return f"soulprint-{login.replace(' ', '-')}"


def _acl(login: str, right: Right) -> tuple[Any, ...]:
    """As Kafka's requests have it."""
    kind, operation = _KINDS[right.kind], _OPERATIONS[right.operation]
    return kind, right.name, _LITERAL, f"User:{_user(login)}", "*", operation, _ALLOW


def _properties(guarded: int) -> dict[str, str]:
    users = " ".join(f'user_{_user(login)}="{PASSWORD}"' for login in (*LOGINS, OPS))
    return {
        "listeners": f"+GUARDED://127.0.0.1:{guarded}",
        "advertised.listeners": f"+GUARDED://127.0.0.1:{guarded}",
        "listener.security.protocol.map": "+GUARDED:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.guarded.plain.sasl.jaas.config": (
            f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": "User:ANONYMOUS",
    }


@pytest.fixture(scope="module")
def ruled_kafka() -> Iterator[RuledKafka]:
    """The broker. Nothing is granted yet."""
    guarded = free_port()
    try:
        audit = "-Dorg.slf4j.simpleLogger.log.kafka.authorizer.logger=debug"
        broker = JarBroker(_properties(guarded), java=[audit])
    except NoKafkaError as error:
        message = f"NO KAFKA WITH AN AUTHORISER, so rights are not tried: {error}"
        if os.environ.get("REQUIRE_KAFKA") == "1" and shutil.which("java"):
            pytest.fail(message)
        pytest.skip(message)
    yield RuledKafka(broker, f"127.0.0.1:{guarded}")
    broker.close()
