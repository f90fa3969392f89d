"""Dead letters: a record set aside with everything needed to understand it and to run it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from shared.domain.errors import SoulprintError
from shared.pipelines import topic
from shared.resilience.faults import PoisonError, reason_of

PREFIX = "dlq_"
"""Provenance headers begin with this; the record's own headers follow unchanged."""


class Sender(Protocol):
    """What dead letters are sent with: the publisher."""

    async def send(
        self, to: str, *, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
    ) -> None:
        """Return when the record is acknowledged. Raises PoisonError if it is too large."""
        ...


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record and why it was set aside."""

    raw: Any
    error: Exception
    attempts: int
    stage: str

    @property
    def reason(self) -> str:
        return reason_of(self.error)

    @property
    def message(self) -> str:
        """What is safe to write down: only our own errors are known to hold no text of a person."""
        return str(self.error) if isinstance(self.error, SoulprintError) else ""

    def headers(self) -> list[tuple[str, bytes | None]]:
        """Provenance, then the original headers. Provenance of an earlier burial is replaced."""
        raw = self.raw
        provenance = {
            "reason": self.reason,
            "error_class": type(self.error).__name__,
            "error": self.message[:1000],
            "attempts": str(self.attempts),
            "stage": self.stage,
            "topic": raw.topic,
            "partition": str(raw.partition),
            "offset": str(raw.offset),
            "timestamp": str(raw.timestamp),
            "at": datetime.now(UTC).isoformat(),
        }
        return [(PREFIX + name, value.encode()) for name, value in provenance.items()] + [
            (name, value) for name, value in raw.headers if not name.startswith(PREFIX)
        ]


async def bury(letter: DeadLetter, sender: Sender) -> None:
    """Publish a dead letter. Raises what the sender raises, except for size: then the value is left out, and
    topic, partition and offset still say where it is."""
    raw = letter.raw
    headers = letter.headers()
    value = raw.value
    if value is None and raw.key is None:  # a client sends no record without both
        value = b""
        headers.append((f"{PREFIX}value", b"null"))
    to = topic(raw.topic, dead=True)
    try:
        await sender.send(to, key=raw.key, value=value, headers=headers)
    except PoisonError:
        provenance = [h for h in headers if h[0].startswith(PREFIX)]
        left_out = (f"{PREFIX}value", b"left out: the record is too large")
        await sender.send(to, key=None, value=b"", headers=[*provenance, left_out])
