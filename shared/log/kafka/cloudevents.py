"""Events on the wire: JSON in Kafka's CloudEvents 1.0 binary binding.

The attributes are record headers: ce_id, ce_type, ce_source, ce_time, ce_specversion, ce_importid, ce_userid,
ce_run, ce_priority where it is `replay`, and W3C's traceparent. Whatever cannot be read is a `PoisonError`
with one of the reasons below; no message holds text of the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import ValidationError

from shared.domain import bounds, ids
from shared.domain.events import ChunkReady, Event, FactsExtracted, ImportReceived, MemoryReady
from shared.log.fairness import Line
from shared.log.ports import OUT_OF_BOUNDS, TOO_LARGE, UNKNOWN_TYPE
from shared.pipelines import MAX_EVENT_BYTES
from shared.resilience.faults import PoisonError
from shared.tracing import current_trace, next_traceparent

E = TypeVar("E", bound=Event)
SPEC_VERSION = "1.0"
NO_VALUE: Final = "no_value"
MISSING_HEADER: Final = "missing_header"
BAD_HEADER: Final = "bad_header"
NEWER_VERSION: Final = "newer_version"
BAD_JSON: Final = "bad_json"
WRONG_SCHEMA: Final = "wrong_schema"
CONTRADICTION: Final = "contradiction"
_TOLD = 100
_NUL = b"\\u0000"
"""How JSON writes a NUL, which no text of the database can hold. Escaped itself, it is none."""


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event: its name on the wire, its model, and the newest schema version we write and read."""

    name: str
    model: type[Event]
    version: int = 1
    sparse: bool = False
    """Whether fields at their defaults are left out: of thousands, reading takes a tenth less."""

    @property
    def wire(self) -> str:
        """The value of ce_type."""
        return f"{self.name}.v{self.version}"


EVENT_TYPES = (
    EventType("soulprint.import-received", ImportReceived),
    EventType("soulprint.chunk-ready", ChunkReady, sparse=True),
    EventType("soulprint.facts-extracted", FactsExtracted),
    EventType("soulprint.memory-ready", MemoryReady, version=2),
)
_BY_NAME: Mapping[str, EventType] = MappingProxyType({t.name: t for t in EVENT_TYPES})
_BY_MODEL: Mapping[type[Event], EventType] = MappingProxyType({t.model: t for t in EVENT_TYPES})
_REPEATED = (("ce_importid", "import_id"), ("ce_userid", "user_id"), ("ce_run", "run"))
"""Headers that say what the body says, for those who do not read it."""
PRIORITY = "ce_priority"
_REPLAY: Final = "replay"
"""The one value of ce_priority that is written. Without it, or with one that nobody knows, a record is live:
who publishes imports cannot get ahead of others by what it says."""
_REPLAY_BYTES = _REPLAY.encode()
_PRIORITIES = frozenset({"live", _REPLAY})
_TYPE = re.compile(r"(soulprint\.[a-z][a-z-]{0,60})\.v([1-9][0-9]{0,5})")
_FIELD = re.compile(r"[a-z][a-z_]{0,40}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the headers of an event say."""

    id: str
    type: EventType
    source: str
    traceparent: str | None


def event_id(event: Event, pipeline: str) -> UUID:
    """The id of an event: the same event published again has the same id."""
    index = getattr(event, "index", 0)
    return ids.stage_id(event.import_id, pipeline, event.run, _BY_MODEL[type(event)].name, index)


def encode(event: Event, *, source: str, pipeline: str) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The value and the headers of a record. `source` names the service that publishes."""
    kind = _BY_MODEL[type(event)]
    headers = {
        "ce_specversion": SPEC_VERSION,
        "ce_id": str(event_id(event, pipeline)),
        "ce_type": kind.wire,
        "ce_source": f"/soulprint/{pipeline}/{source}",
        "ce_time": datetime.now(UTC).isoformat(),
        "ce_importid": str(event.import_id),
        "ce_userid": str(event.user_id),
        "ce_run": str(event.run),
        "content-type": "application/json",
        "traceparent": next_traceparent(current_trace.get()),
    }
    if getattr(event, "priority", None) == _REPLAY:
        headers[PRIORITY] = _REPLAY
    value = event.__pydantic_serializer__.to_json(event, exclude_defaults=kind.sparse)
    return value, [(name, text.encode()) for name, text in headers.items()]


def decode(
    value: bytes | None, headers: Iterable[tuple[str, bytes | None]], expected: type[Event] | None = None
) -> tuple[Event, Envelope]:
    """The event of a record and what its headers say. Raises PoisonError.

    `expected`: the only model that this topic carries. A field that this version does not know is ignored, as
    a schema may grow within its version.
    """
    texts = _texts(headers)
    envelope = _envelope(texts)
    model = envelope.type.model
    if expected is not None and model is not expected:
        raise PoisonError(UNKNOWN_TYPE, f"{envelope.type.name} does not belong on this topic")
    if value is None:
        raise PoisonError(NO_VALUE, "the record has no value (a tombstone)")
    if len(value) > MAX_EVENT_BYTES:
        raise PoisonError(TOO_LARGE, f"an event of {len(value)} bytes; the limit is {MAX_EVENT_BYTES}")
    try:
        event = model.model_validate_json(value)
    except ValidationError as error:
        raise _unreadable(model, error) from None
    # rfind takes a quarter of the time of `in`.
    if value.rfind(_NUL) >= 0 and (place := _with_nul(event)) is not None:
        raise PoisonError(OUT_OF_BOUNDS, f"not a {model.__name__} within bounds: {place} holds a NUL")
    for header, name in _REPEATED:
        if header in texts and texts[header] != str(getattr(event, name)):
            raise PoisonError(CONTRADICTION, f"{header} is not the {name} of the body")
    told = texts.get(PRIORITY)
    if told in _PRIORITIES and told != getattr(event, "priority", told):
        raise PoisonError(CONTRADICTION, f"{PRIORITY} is not the priority of the body")
    return event, envelope


def _texts(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    texts = {}
    for name, value in headers:
        if not name.startswith("ce_") and name != "traceparent":
            continue
        try:
            texts[name] = value.decode() if value is not None else ""
        except UnicodeDecodeError:
            if name == "traceparent":
                continue  # a broken trace is no reason to lose an event
            raise PoisonError(BAD_HEADER, "a CloudEvents header is not UTF-8") from None
    return texts


def _envelope(texts: Mapping[str, str]) -> Envelope:
    for name in ("ce_specversion", "ce_type", "ce_id", "ce_source"):
        if not texts.get(name):
            raise PoisonError(MISSING_HEADER, f"the header {name} is missing or empty")
    if texts["ce_specversion"] != SPEC_VERSION:
        raise PoisonError(NEWER_VERSION, f"ce_specversion is not {SPEC_VERSION}")
    match = _TYPE.fullmatch(texts["ce_type"])
    known = _BY_NAME.get(match[1]) if match else None
    if match is None or known is None:
        raise PoisonError(UNKNOWN_TYPE, "ce_type names no event of SoulPrint")
    if int(match[2]) > known.version:
        raise PoisonError(
            NEWER_VERSION,
            f"{known.name} of version {int(match[2])}; this service reads up to {known.version}",
        )
    return Envelope(texts["ce_id"], known, texts["ce_source"], texts.get("traceparent"))


def _unreadable(model: type[Event], error: ValidationError) -> PoisonError:
    if (count := error.error_count()) > _TOLD:  # to write out tens of thousands would take half a second
        return PoisonError(WRONG_SCHEMA, f"not a {model.__name__}: {count} wrong")
    errors = error.errors(include_input=False, include_context=False, include_url=False)
    first = next((each for each in errors if each["type"] not in bounds.ERRORS), errors[0])
    if first["type"] == "json_invalid":
        return PoisonError(BAD_JSON, "the value is not JSON")
    place = _place(first["loc"]) or "the body"
    if first["type"] in bounds.ERRORS:  # its message names the bound, and nothing of what was found
        return PoisonError(OUT_OF_BOUNDS, f"not a {model.__name__} within bounds: {place}: {first['msg']}")
    return PoisonError(
        WRONG_SCHEMA, f"not a {model.__name__}: {count} wrong, first {place} ({first['type']})"
    )


def _place(path: Iterable[str | int]) -> str:
    # A key of a mapping in the body could be anybody's text: only names like those of our fields are told.
    return ".".join(str(p) if isinstance(p, int) or _FIELD.fullmatch(p) else "?" for p in path)


def _with_nul(event: Event) -> str | None:
    """Where a text of the event holds a NUL."""
    left: list[tuple[tuple[str | int, ...], Any]] = [((), event.model_dump())]
    while left:
        path, value = left.pop()
        if isinstance(value, dict):
            left += [
                ((*path, str(key)), inner) for each in value.items() for key, inner in (each, each[::-1])
            ]
        elif isinstance(value, tuple):
            left += [((*path, number), inner) for number, inner in enumerate(value)]
        elif isinstance(value, str) and "\0" in value:
            return _place(path)
    return None


class CloudEvents:
    """Reads Kafka's records: see shared.log.ports.Reader."""

    def size(self, record: Any) -> int:
        """See Reader."""
        return len(record.value) if record.value is not None else 0

    def line(self, record: Any) -> Line:
        """See Reader."""
        person = of = b""
        replay = False
        for name, value in record.headers or ():
            if name == "ce_importid":
                of = value or b""
            elif name == "ce_userid":
                person = value or b""
            elif name == PRIORITY:
                replay = value == _REPLAY_BYTES
        return Line(person or of, of, replay)

    async def decode(self, record: Any, model: type[E]) -> tuple[E, str | None]:
        """See Reader."""
        event, envelope = decode(record.value, record.headers, model)
        assert isinstance(event, model)  # noqa: S101 - decode has checked; this tells mypy
        return event, envelope.traceparent
