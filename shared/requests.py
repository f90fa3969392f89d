"""Requesting a run: the one way in, for the commands, and for whatever else takes imports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from shared.domain.bounds import LINEAGE_CHARS, SOURCE_CHARS, LineageName
from shared.domain.errors import UsageError
from shared.domain.events import ImportReceived
from shared.domain.ids import import_id
from shared.domain.sources import local_source
from shared.exports.export import open_exports
from shared.exports.limits import read_limits
from shared.log.ports import Publisher
from shared.pipelines import IMPORT_RECEIVED
from shared.settings import Settings
from shared.store.store import Store

_LINEAGE: TypeAdapter[str] = TypeAdapter(LineageName)


@dataclass(frozen=True, slots=True)
class Request:
    """What a person or an app asks for: this source, for this user. The import's id follows from both."""

    import_id: UUID
    user_id: UUID
    source: str
    lineage: str | None = None
    """As the person names it."""


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
    lineage = lineage_named(lineage)
    if "/" in source.strip("/") and not path.is_absolute() and not source.startswith("."):
        return Request(import_id(user_id, f"source\0{source}", lineage), user_id, source, lineage)
    raise UsageError(f"{source}: no such file, and not bucket/path in storage")


async def request_run(
    request: Request,
    store: Store,
    pipeline: str,
    *,
    variant: str = "",
    on_log: bool = True,
    replace: bool = False,
) -> tuple[ImportReceived, bool]:
    """The event that begins the requested run, or goes on with it; and whether the run was under way.

    Which run it is the database decides, in one transaction: two requests at once are the same run. See
    Store.request_run for `variant`, `on_log` and `replace`, and for what it raises.
    """
    run = await store.request_run(
        request.import_id,
        request.user_id,
        request.source,
        pipeline,
        variant=variant,
        on_log=on_log,
        replace=replace,
        lineage=request.lineage,
    )
    event = ImportReceived(
        import_id=request.import_id,
        user_id=request.user_id,
        run=run.run,
        source=request.source,
        requested_at=run.requested_at,
        lineage=request.lineage,
    )
    return event, run.resumed


async def publish_request(event: ImportReceived, publisher: Publisher) -> None:
    """Hand a requested run to the router."""
    await publisher.publish(IMPORT_RECEIVED, str(event.import_id), event)
