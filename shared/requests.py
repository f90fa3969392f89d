"""Requesting a run: the one way in, for the commands, and for whatever else takes imports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from shared.domain.bounds import SOURCE_CHARS
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


@dataclass(frozen=True, slots=True)
class Request:
    """What a person or an app asks for: this source, for this user. The import's id follows from both."""

    import_id: UUID
    user_id: UUID
    source: str


def local_request(paths: Sequence[Path], user_id: UUID, settings: Settings) -> Request:
    """A request for local exports, which are one import, known by their content whatever their order. Raises
    UnreadableExportError for one that is none."""
    distinct = {path.resolve(): path for path in paths}
    with open_exports([*distinct.values()], read_limits(settings)) as opened:
        return Request(import_id(user_id, opened.fingerprint), user_id, local_source([*distinct]))


def request_of(source: str, user_id: UUID, settings: Settings) -> Request:
    """A request for a local file, known by its content, or for `bucket/path` in storage, known by its name.

    Raises UsageError for what is neither, and UnreadableExportError for a file that is no export.
    """
    if len(source) > SOURCE_CHARS:
        raise UsageError(f"the source has {len(source):,} characters; a path has at most {SOURCE_CHARS:,}")
    path = Path(source)
    if path.exists():
        return local_request([path], user_id, settings)
    if "/" in source.strip("/") and not path.is_absolute() and not source.startswith("."):
        return Request(import_id(user_id, f"source\0{source}"), user_id, source)
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
    )
    event = ImportReceived(
        import_id=request.import_id,
        user_id=request.user_id,
        run=run.run,
        source=request.source,
        requested_at=run.requested_at,
    )
    return event, run.resumed


async def publish_request(event: ImportReceived, publisher: Publisher) -> None:
    """Hand a requested run to the router."""
    await publisher.publish(IMPORT_RECEIVED, str(event.import_id), event)
