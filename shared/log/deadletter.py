"""Dead letters: a record set aside with everything needed to understand it and to run it again.

Delivery is at least once, and a topic may be read anew from its beginning: then the same record is set aside
again. `dlq_id` says so: it follows from where the record lies, so that whoever counts letters counts it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Protocol
from uuid import UUID

from shared.domain import ids
from shared.domain.told import told
from shared.pipelines import topic
from shared.resilience.faults import PoisonError, reason_of

PREFIX = "dlq_"
"""Provenance headers begin with this; the record's own headers follow unchanged."""
HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "dlq_id": "UUID of this burial: the same if the record is read and set aside again.",
        "dlq_reason": "Why, in a word.",
        "dlq_error_class": "The class of the error.",
        "dlq_error": "What the error says, at most 1000 characters; of another's error its class and place.",
        "dlq_attempts": "How often it was tried.",
        "dlq_stage": "The service that set it aside.",
        "dlq_topic": "The topic where the record lies.",
        "dlq_partition": "Its partition there.",
        "dlq_offset": "Its offset there.",
        "dlq_timestamp": "Its timestamp there, in Unix milliseconds.",
        "dlq_at": "When it was set aside, ISO 8601.",
    }
)
"""The provenance of every letter, and what it means. Texts in UTF-8."""
LEFT_OUT: Final = "dlq_value"
"""The header of a letter without its value: `null`, or why it was left out."""


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
    def id(self) -> UUID:
        """Which burial this is. The timestamp tells apart what lay at the same place of a topic made anew."""
        raw = self.raw
        return ids.burial_id(raw.topic, raw.partition, raw.offset, raw.timestamp)

    @property
    def reason(self) -> str:
        return reason_of(self.error)

    @property
    def message(self) -> str:
        """What is safe to write down of the error."""
        return told(self.error)

    def headers(self) -> list[tuple[str, bytes | None]]:
        """Provenance, then the original headers. Provenance of an earlier burial is replaced."""
        raw = self.raw
        provenance = {
            "id": str(self.id),
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
        headers.append((LEFT_OUT, b"null"))
    to = topic(raw.topic, dead=True)
    try:
        await sender.send(to, key=raw.key, value=value, headers=headers)
    except PoisonError:
        provenance = [h for h in headers if h[0].startswith(PREFIX)]
        left_out = (LEFT_OUT, b"left out: the record is too large")
        await sender.send(to, key=None, value=b"", headers=[*provenance, left_out])
