"""Why Kafka does not take us, in words that name the setting to look at.

The client's own error says only that it could not connect; what the broker answered is lost in its log. So
after a failure one more connection is made here, step by step.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

if TYPE_CHECKING:
    from shared.log.kafka.connection import Connection

_SECONDS = 5.0
"""For one server to answer."""
_PROTOCOL = "is KAFKA_SECURITY_PROTOCOL right?"


async def why_refused(connection: Connection) -> str:
    """What the first of the servers that listens answers us, and which setting to look at; "" if all is well
    now. Never holds the password."""
    reason = ""
    for host, port, _ in collect_hosts(connection.servers):
        try:
            async with asyncio.timeout(_SECONDS):
                await _introduce(connection, host, port)
            return ""
        except (KafkaError, OSError, TimeoutError) as error:
            reason = f"{host}:{port} {_told(connection, error)}"
            if not isinstance(error, ConnectionRefusedError | socket.gaierror):
                break
    return reason


async def _introduce(connection: Connection, host: str, port: int) -> None:
    """Connect, prove who we are, and ask something: a listener that wants SASL closes only then."""
    options = connection.options()
    kept = (
        "security_protocol",
        "ssl_context",
        "sasl_mechanism",
        "sasl_plain_username",
        "sasl_plain_password",
    )
    found = await create_conn(
        host,
        port,
        request_timeout_ms=int(_SECONDS * 1000),
        **{name: options[name] for name in kept if name in options},
    )
    try:
        await found.send(MetadataRequest([]))
    finally:
        found.close()


def _told(connection: Connection, error: BaseException) -> str:
    protocol, mechanism = connection.security_protocol, connection.sasl_mechanism
    match error:
        case ssl.SSLCertVerificationError():
            return (
                f"has a certificate that is not trusted ({error.verify_message}); "
                "set KAFKA_CA_FILE to the certificates to trust"
            )
        case ssl.SSLError():
            return f"does not speak TLS as we do ({error.reason}); {_PROTOCOL}"
        case SaslAuthenticationFailed() | AuthenticationFailedError():
            return f"refuses our {mechanism} credentials; set KAFKA_USERNAME and KAFKA_PASSWORD to valid ones"
        case UnsupportedSaslMechanismError():
            return f"does not take {mechanism}; set KAFKA_SASL_MECHANISM to one that it takes"
        case IllegalSaslStateError():
            return f"takes no credentials here; {_PROTOCOL}"
        case ConnectionRefusedError():
            return "refuses connections; is it running, and is KAFKA_BOOTSTRAP_SERVERS right?"
        case socket.gaierror():
            return "is not a known host; is KAFKA_BOOTSTRAP_SERVERS right?"
        case TimeoutError():
            return f"accepts connections but does not answer; {_PROTOCOL}"
        case _:  # the usual way to say that a client speaks another protocol, or none at all while it starts
            return f"ends our {protocol} connection ({type(error).__name__}); {_PROTOCOL}"
