"""A Kafka that asks who one is: right credentials carry everything, wrong ones get one clear answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.log.kafka.client import connection_of
from shared.log.kafka.connection import Connection
from shared.log.kafka.diagnosis import why_refused
from shared.pipelines import IMPORT_RECEIVED
from shared.settings import load_settings
from tests.support.fleet import fleet
from tests.support.forking import ForkServer
from tests.support.guarded_kafka import PASSWORD, USER, GuardedKafka, guarded_kafka
from tests.support.ops import CommandOf
from tests.support.ports import free_port
from tests.support.replica import event
from tests.support.services import Setting, hosted
from tests.support.waiting import until

__all__ = ["guarded_kafka"]

WRONG = "wrong-battery-staple"
COMMITS = "soulprint_pool_commits_total"


@pytest.fixture
def guarded(guarded_kafka: GuardedKafka, database: str, exports: Path) -> Setting:
    """A pipeline on the guarded broker; the test itself comes in by its plain address."""
    return Setting(guarded_kafka.plain, database, exports, changes={"extract_workers": 0})


@pytest.mark.slow
async def test_commands_and_services_come_in_with_tls_and_scram(
    guarded_kafka: GuardedKafka, guarded: Setting, command_of: CommandOf
) -> None:
    guarded.changes |= guarded_kafka.settings("SASL_SSL", "SCRAM-SHA-512")
    command = command_of(guarded)
    created = await asyncio.to_thread(command, "topics", "create")
    assert created.code == 0, created.err
    doctor, _ = await asyncio.gather(asyncio.to_thread(command, "doctor"), _an_event_passes(guarded))
    assert "every topic is as it should be" in doctor.out
    assert PASSWORD not in created.out + created.err + doctor.out + doctor.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "mechanism"),
    [("SASL_PLAINTEXT", "PLAIN"), ("SASL_PLAINTEXT", "SCRAM-SHA-256"), ("SASL_SSL", "PLAIN")],
)
async def test_a_service_consumes_and_publishes_with_each_mechanism(
    guarded_kafka: GuardedKafka, guarded: Setting, protocol: str, mechanism: str
) -> None:
    await guarded.make_topics()
    guarded.changes |= guarded_kafka.settings(protocol, mechanism)
    await _an_event_passes(guarded)


async def _an_event_passes(setting: Setting) -> None:
    """The router consumes it, publishes it and commits it."""
    async with hosted(setting, ("router",)) as host:
        before = await setting.count(IMPORT_RECEIVED)
        await setting.publish(setting.entrance, event())
        await until(lambda: setting.published(IMPORT_RECEIVED, before + 1))
        await until(lambda: bool(host.registry.get_sample_value(COMMITS, {"stage": "router"})))


@pytest.mark.parametrize(
    ("protocol", "mechanism", "changes", "told"),
    [
        ("SASL_PLAINTEXT", "PLAIN", {"kafka_password": WRONG}, "set KAFKA_USERNAME and KAFKA_PASSWORD"),
        ("SASL_PLAINTEXT", "SCRAM-SHA-256", {"kafka_username": "eve"}, "refuses our SCRAM-SHA-256"),
        ("SASL_SSL", "SCRAM-SHA-512", {"kafka_password": WRONG}, "refuses our SCRAM-SHA-512"),
        ("SASL_PLAINTEXT", "SCRAM-SHA-512", {}, "set KAFKA_SASL_MECHANISM"),
        ("SASL_SSL", "PLAIN", {"kafka_ca_file": None}, "set KAFKA_CA_FILE"),
        ("SASL_SSL", "PLAIN", {"kafka_security_protocol": "SASL_PLAINTEXT"}, "KAFKA_SECURITY_PROTOCOL"),
        ("SASL_PLAINTEXT", "PLAIN", {"kafka_security_protocol": "SASL_SSL"}, "KAFKA_SECURITY_PROTOCOL"),
        ("SASL_PLAINTEXT", "PLAIN", {"kafka_security_protocol": "PLAINTEXT"}, "KAFKA_SECURITY_PROTOCOL"),
    ],
)
async def test_what_is_wrong_is_told_with_the_setting_to_mend(
    guarded_kafka: GuardedKafka, protocol: str, mechanism: str, changes: dict[str, Any], told: str
) -> None:
    connection = connection_of(load_settings(**guarded_kafka.settings(protocol, mechanism, **changes)))
    reason = await why_refused(connection)
    assert told in reason
    assert guarded_kafka.servers[protocol] in reason
    assert PASSWORD not in reason
    assert WRONG not in reason
    right = connection_of(load_settings(**guarded_kafka.settings("SASL_PLAINTEXT", "PLAIN")))
    assert await why_refused(right) == ""


async def test_a_server_that_is_down_does_not_hide_the_one_that_refuses_us(
    guarded_kafka: GuardedKafka,
) -> None:
    servers = f"127.0.0.1:{free_port()},{guarded_kafka.servers['SASL_PLAINTEXT']}"
    connection = Connection(servers, security_protocol="SASL_PLAINTEXT", username=USER, password=WRONG)
    assert "KAFKA_PASSWORD" in await why_refused(connection)


async def test_commands_with_wrong_credentials_end_with_one_line(
    guarded_kafka: GuardedKafka, guarded: Setting, command_of: CommandOf
) -> None:
    guarded.changes |= guarded_kafka.settings("SASL_PLAINTEXT", "PLAIN", kafka_password=WRONG)
    command = command_of(guarded)
    create, doctor = await asyncio.gather(
        asyncio.to_thread(command, "topics", "create"), asyncio.to_thread(command, "doctor")
    )
    assert (create.code, doctor.code) == (1, 1)
    assert "refuses our PLAIN credentials; set KAFKA_USERNAME and KAFKA_PASSWORD" in create.err
    assert "refuses our PLAIN credentials; set KAFKA_USERNAME and KAFKA_PASSWORD" in doctor.out
    assert "Traceback" not in create.err + doctor.err
    assert WRONG not in create.out + create.err + doctor.out + doctor.err


async def test_a_certificate_file_that_is_none_is_told_before_anything_starts(
    guarded_kafka: GuardedKafka, guarded: Setting, tmp_path: Path, command_of: CommandOf
) -> None:
    guarded.changes |= guarded_kafka.settings("SASL_SSL", "PLAIN", kafka_ca_file=str(tmp_path / "none.pem"))
    refused = await asyncio.to_thread(command_of(guarded), "topics", "create")
    assert refused.code == 2
    assert "none.pem: no certificates can be read from it" in refused.err
    assert "Traceback" not in refused.err


async def test_a_service_with_wrong_credentials_waits_and_says_why(
    guarded_kafka: GuardedKafka, guarded: Setting, tmp_path: Path, fork_server: ForkServer
) -> None:
    """It does not end: whoever starts it again would only do that for ever."""
    guarded.changes |= guarded_kafka.settings("SASL_PLAINTEXT", "PLAIN", kafka_password=WRONG)
    with fleet(guarded, tmp_path, fork_server=fork_server) as services:
        router = services.start("router")
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{router.port}", trust_env=False) as client:

            async def says_why() -> bool:
                """/readyz says why the service waits"""
                try:
                    return "KAFKA_PASSWORD" in (await client.get("/readyz")).text
                except httpx2.TransportError:
                    return False

            await until(says_why)
            assert (await client.get("/livez")).status_code == 200
        assert services.ended() == {}
        log = services.log("router", 10**6)
        assert await services.stop() == {"router": 0}
    assert "refuses our PLAIN credentials; set KAFKA_USERNAME and KAFKA_PASSWORD" in log
    assert "Traceback" not in log
    assert WRONG not in log
