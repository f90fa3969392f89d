"""What is asked for: an export, for a user; and the id of the import that it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from shared.domain.bounds import LINEAGE_CHARS, SOURCE_CHARS, LineageName
from shared.domain.discreet import adapter_of
from shared.domain.errors import UsageError
from shared.domain.ids import import_id
from shared.domain.sources import local_source
from shared.exports.export import open_exports
from shared.exports.limits import read_limits
from shared.settings import Settings

_LINEAGE: TypeAdapter[str] = adapter_of(LineageName)


@dataclass(frozen=True, slots=True)
class Request:
    """What a person or an app asks for: this source, for this user. The import's id follows from both."""

    import_id: UUID
    user_id: UUID
    source: str
    lineage: str | None = None
    """As the person names it."""
    conversation_count: int | None = None
    """As whoever asks has it, None: not told. So is the next."""
    message_count: int | None = None


def lineage_named(name: str | None) -> str | None:
    """The name of a lineage as a person gave it. Raises UsageError for one that cannot be."""
    if name is None:
        return None
    name = normalize("NFC", name) if len(name) <= 4 * LINEAGE_CHARS else name
    try:
        return _LINEAGE.validate_python(name)
    except ValidationError:
        raise UsageError(
            f"a lineage's name has 1 to {LINEAGE_CHARS} characters on one line, with single spaces between "
            "words and nothing that is not seen"
        ) from None


def local_request(
    paths: Sequence[Path], user_id: UUID, settings: Settings, lineage: str | None = None
) -> Request:
    """A request for local exports, which are one import, known by their content whatever their order. Raises
    UnreadableExportError for one that is none, UsageError for a name that no lineage can have."""
    lineage = lineage_named(lineage)
    distinct = {path.resolve(): path for path in paths}
    with open_exports([*distinct.values()], read_limits(settings)) as opened:
        import_ = import_id(user_id, opened.fingerprint, lineage)
    return Request(import_, user_id, local_source([*distinct]), lineage)


def request_of(source: str, user_id: UUID, settings: Settings, lineage: str | None = None) -> Request:
    """A request for a local file, known by its content, or for `bucket/path` in storage, known by its name.

    Raises UsageError for what is neither, and UnreadableExportError for a file that is no export.
    """
    if len(source) > SOURCE_CHARS:
        raise UsageError(f"the source has {len(source):,} characters; a path has at most {SOURCE_CHARS:,}")
    path = Path(source)
    if path.exists():
        return local_request([path], user_id, settings, lineage)
    if "/" in source.strip("/") and not path.is_absolute() and not source.startswith("."):
        return storage_request(source, user_id, lineage)
    raise UsageError(f"{source}: no such file, and not bucket/path in storage")


def storage_request(source: str, user_id: UUID, lineage: str | None = None) -> Request:
    """A request for `bucket/path` in storage, known by its name. Raises UsageError for a name that no lineage
    can have."""
    lineage = lineage_named(lineage)
    return Request(import_id(user_id, f"source\0{source}", lineage), user_id, source, lineage)
