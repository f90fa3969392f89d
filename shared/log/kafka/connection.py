"""How to reach Kafka: addresses, TLS and SASL, once for every client of this process."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAuthorizationFailedError

from shared.domain.errors import UsageError
from shared.log.kafka.diagnosis import why_refused
from shared.log.kafka.rights import refusal
from shared.resilience.backoff import Backoff

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
            raise UsageError(
                f"the Kafka protocol {self.security_protocol} needs a username and password; "
                "set KAFKA_USERNAME and KAFKA_PASSWORD"
            )

    @property
    def servers(self) -> list[str]:
        return [s.strip() for s in self.bootstrap_servers.split(",") if s.strip()]

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context, None without TLS. Raises UsageError if there are no certificates in the file."""
        if not self.security_protocol.endswith("SSL"):
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise UsageError(
                f"KAFKA_CA_FILE {self.ca_file}: no certificates can be read from it "
                f"({type(error).__name__}); set it to a file of certificates in PEM"
            ) from None

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


class Wanting(NamedTuple):
    """What stands in the way of using topics; names."""

    missing: list[str]
    leaderless: list[str]
    """Those with a partition without a leader."""
    refused: list[str]
    """Those of which Kafka does not tell us whether there are any."""


async def probe(connection: Connection, topics: Collection[str]) -> Wanting:
    """How `topics` are. Raises KafkaError if Kafka does not answer."""
    admin = AIOKafkaAdminClient(**connection.options(), request_timeout_ms=10_000)
    try:
        async with asyncio.timeout(45.0):  # longer than the client's own bounds: cancelled, it leaks
            await admin.start()
            described = {t["topic"]: t for t in await admin.describe_topics(sorted(topics))} if topics else {}
    except TimeoutError:
        raise KafkaConnectionError("Kafka accepts connections but does not answer") from None
    finally:
        await admin.close()
    wanting = Wanting([], [], [])
    for topic in sorted(topics):
        found = described.get(topic)
        if found is not None and found["error_code"] == TopicAuthorizationFailedError.errno:
            wanting.refused.append(topic)
        elif found is None or not found["partitions"]:
            wanting.missing.append(topic)
        elif any(p["leader"] < 0 for p in found["partitions"]):
            wanting.leaderless.append(topic)
    return wanting


async def wait_for_kafka(
    connection: Connection,
    topics: Collection[str],
    *,
    missing_too: bool = True,
    tell: Callable[[str], None] | None = None,
) -> None:
    """Return when Kafka answers, every one of `topics` has its leaders and, if `missing_too`, every one
    exists. Waits without end, saying so: in the log and to `tell`. Wrong credentials are no reason to end:
    whoever starts us again would only do that for ever."""
    backoff, failures = Backoff(base=1.0, cap=5.0), 0
    while True:
        if not (reason := await _blocked(connection, topics, missing_too=missing_too)):
            return
        if tell is not None:
            tell(f"waiting for Kafka: {reason}")
        failures += 1
        log.warning("waiting for Kafka", reason=reason, servers=connection.servers)
        await asyncio.sleep(0.2 + backoff.delay(failures))


async def _blocked(connection: Connection, topics: Collection[str], *, missing_too: bool) -> str:
    """Why not to begin, "" if there is no reason."""
    try:
        missing, leaderless, refused = await probe(connection, topics)
    except (KafkaError, OSError) as error:
        return await why_refused(connection) or f"Kafka does not answer: {type(error).__name__}"
    if refused and missing_too:
        return refusal("Read", "topic", ", ".join(refused))
    if missing and missing_too:
        return f"topics do not exist: {', '.join(missing)}; run `soulprint topics create`"
    return f"topics without a leader: {', '.join(leaderless)}" if leaderless else ""
