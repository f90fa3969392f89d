"""How to reach Kafka: addresses, TLS and SASL, once for every client of this process."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError

from shared.errors import UsageError
from shared.log.faults import Backoff

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """Where Kafka is and who we are."""

    bootstrap_servers: str
    """`host:port`, several separated by commas."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""

    def __post_init__(self) -> None:
        if self.security_protocol.startswith("SASL") and not (self.username and self.password):
            raise UsageError(f"{self.security_protocol} needs a Kafka username and password")

    @property
    def servers(self) -> list[str]:
        return [s.strip() for s in self.bootstrap_servers.split(",") if s.strip()]

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context, None without TLS."""
        return ssl.create_default_context(cafile=self.ca_file) if "SSL" in self._transport else None

    @property
    def _transport(self) -> str:
        return self.security_protocol.removeprefix("SASL_")

    def options(self) -> dict[str, Any]:
        """Keyword arguments of any aiokafka client."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "security_protocol": self.security_protocol,
            "ssl_context": self.ssl_context(),
            # Down, a client asks once a second, not ten times: fewer log lines, and soon enough.
            "retry_backoff_ms": 1000,
        }
        if self.username is not None:
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return options


async def probe(connection: Connection, topics: Collection[str]) -> tuple[list[str], list[str]]:
    """Which of `topics` do not exist, and which have a partition without a leader. Raises KafkaError if Kafka
    does not answer."""
    admin = AIOKafkaAdminClient(**connection.options(), request_timeout_ms=10_000)
    try:
        async with asyncio.timeout(15.0):
            await admin.start()
            described = {t["topic"]: t for t in await admin.describe_topics(sorted(topics))} if topics else {}
    except TimeoutError:
        raise KafkaConnectionError("Kafka accepts connections but does not answer") from None
    finally:
        await admin.close()
    missing, leaderless = [], []
    for topic in sorted(topics):
        found = described.get(topic)
        if found is None or not found["partitions"]:
            missing.append(topic)
        elif any(p["leader"] < 0 for p in found["partitions"]):
            leaderless.append(topic)
    return missing, leaderless


async def wait_for_kafka(
    connection: Connection, topics: Collection[str], *, missing_too: bool = True
) -> None:
    """Return when Kafka answers, every one of `topics` has its leaders and, if `missing_too`, every one
    exists. Waits without end, saying so."""
    backoff, failures = Backoff(base=1.0, cap=5.0), 0
    while True:
        try:
            missing, leaderless = await probe(connection, topics)
            blocking = leaderless + (missing if missing_too else [])
            reason = f"topics missing or without a leader: {', '.join(blocking)}" if blocking else ""
        except (KafkaError, OSError) as error:
            reason = f"Kafka does not answer: {type(error).__name__}"
        if not reason:
            return
        failures += 1
        log.warning("waiting for Kafka", reason=reason, servers=connection.servers)
        await asyncio.sleep(0.2 + backoff.delay(failures))
