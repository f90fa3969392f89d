"""What a dead letter says of itself, looked at: its headers and its key may be anybody's. What is no id, no
number and no plain word is left out; texts, that of the error among them, are not taken over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID, uuid5

from shared.domain import bounds, ids
from shared.domain.events import ChunkReady, Event, FactsExtracted, ImportReceived, MemoryReady
from shared.log.deadletter import LEFT_OUT, PREFIX
from shared.log.reading import RawRecord
from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED, IMPORT_RECEIVED, MEMORY_READY, topic

T = TypeVar("T")
EVENTS: Final[Mapping[str, type[Event]]] = {
    IMPORT_RECEIVED: ImportReceived,
    CHUNKS_READY: ChunkReady,
    FACTS_EXTRACTED: FactsExtracted,
    MEMORY_READY: MemoryReady,
}
"""What lies on the topics of each base name."""
_KEYS: Final = {IMPORT_RECEIVED: "import_id", FACTS_EXTRACTED: "import_id", MEMORY_READY: "user_id"}
"""What the key of a record is; that of chunks is the chunk's."""
_TOPIC = re.compile(r"(?P<name>[a-z]+\.[a-z]+)(?:\.(?P<pipeline>[a-z0-9][a-z0-9_-]{0,31}))?")
_DEAD: Final = ".dlq"
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}")
_WHOLE = re.compile(r"[0-9]{1,19}")
_LATEST_MS = 253_370_764_800_000
"""9999 begins: what lies further on is no time."""


@dataclass(frozen=True, slots=True)
class Place:
    """A topic that has a dead-letter topic beside it."""

    name: str
    """Its base name, as in shared.pipelines."""
    pipeline: str | None

    @property
    def topic(self) -> str:
        return topic(self.name, self.pipeline)

    @property
    def letters(self) -> str:
        """Where its dead letters lie."""
        return topic(self.name, self.pipeline, dead=True)

    @property
    def event(self) -> type[Event]:
        """What lies on it."""
        return EVENTS[self.name]


def place_of(name: str) -> Place | None:
    """The topic of this name, or that whose dead letters lie on it; without a prefix. None: none of ours."""
    found = _TOPIC.fullmatch(name.removesuffix(_DEAD))
    if found is None or found["name"] not in EVENTS:
        return None
    return Place(found["name"], found["pipeline"])


def is_dead(name: str) -> bool:
    """Whether this is a dead-letter topic of ours."""
    return name.endswith(_DEAD) and place_of(name) is not None


@dataclass(frozen=True, slots=True)
class Burial:
    """What is known of a letter, but for where it lies and what it is of."""

    id: UUID
    at: int
    """When it was set aside, Unix milliseconds."""
    size: int
    record_partition: int | None
    record_offset: int | None
    ce_id: UUID | None
    import_id: UUID | None
    user_id: UUID | None
    run: int | None
    chunk_id: UUID | None
    reason: str | None
    error_class: str | None
    attempts: int | None
    stage: str | None


def burial_of(record: RawRecord, place: Place) -> Burial:
    """Read a letter's headers and key."""
    said = dict(reversed(record.headers))  # the first of a name is what we wrote
    key = _uuid(record.key)
    keyed = {_KEYS.get(place.name, "chunk_id"): key}
    ce_id = said.get("ce_id") or b""
    return Burial(
        id=id_of(record),
        at=min(max(0, record.timestamp), _LATEST_MS),
        size=len(record.value or b""),
        record_partition=_of(said, "partition", _number(bounds.INT4)),
        record_offset=_of(said, "offset", _number(bounds.WHOLE)),
        ce_id=(_uuid(ce_id) or uuid5(ids.NAMESPACE, f"ce_id\0{ce_id[:1000].hex()}")) if ce_id else None,
        import_id=_uuid(said.get("ce_importid")) or keyed.get("import_id"),
        user_id=_uuid(said.get("ce_userid")) or keyed.get("user_id"),
        run=_number(bounds.INT4)(said.get("ce_run")),
        chunk_id=keyed.get("chunk_id"),
        reason=_of(said, "reason", _word),
        error_class=_of(said, "error_class", _word),
        attempts=_of(said, "attempts", _number(bounds.INT4)),
        stage=_of(said, "stage", _word),
    )


def id_of(record: RawRecord) -> UUID:
    """The letter's own id; of one that has none, as of what lies where it does."""
    said = dict(reversed(record.headers)).get(f"{PREFIX}id")
    return _uuid(said) or ids.burial_id(record.topic, record.partition, record.offset, record.timestamp)


def is_left_out(record: RawRecord) -> bool:
    """Whether the letter lacks its record's value, which was too large."""
    said = dict(record.headers).get(LEFT_OUT)
    return said is not None and said != b"null"


def record_of(record: RawRecord) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]:
    """Key, value and headers of the record that was set aside, as they were."""
    value = None if dict(record.headers).get(LEFT_OUT) == b"null" else record.value
    return record.key, value, [each for each in record.headers if not each[0].startswith(PREFIX)]


def _of(said: Mapping[str, bytes | None], name: str, read: Callable[[bytes | None], T | None]) -> T | None:
    return read(said.get(PREFIX + name))


def _uuid(text: bytes | None) -> UUID | None:
    if text is None or len(text) != 36:
        return None
    try:
        return UUID(text.decode("ascii"))
    except ValueError:
        return None


def _word(text: bytes | None) -> str | None:
    try:
        found = _WORD.fullmatch((text or b"").decode("ascii"))
    except UnicodeDecodeError:
        return None
    return found[0] if found else None


def _number(most: int) -> Callable[[bytes | None], int | None]:
    def read(text: bytes | None) -> int | None:
        try:
            found = _WHOLE.fullmatch((text or b"").decode("ascii"))
        except UnicodeDecodeError:
            return None
        return int(found[0]) if found and int(found[0]) <= most else None

    return read
