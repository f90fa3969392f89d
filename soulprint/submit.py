"""`soulprint submit`: hand an export to the services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from shared.domain.errors import SoulprintError, UsageError
from shared.domain.ids import user_id_for
from shared.domain.plurals import listed
from shared.domain.runs import RunKey
from shared.log.kafka.client import KafkaLog
from shared.log.kafka.rights import refusal
from shared.log.kafka.topics import MISSING, find_lacking
from shared.log.metrics import PoolMetrics
from shared.log.ports import Publisher
from shared.pipelines import V1, prefixed, topics_of
from shared.requests.accept import Terms, accept, offer
from shared.requests.request import lineage_named, request_of
from shared.settings import Settings, load_settings
from shared.store.open import opened_store
from soulprint.naming import note_name
from soulprint.terminal import say, say_json
from soulprint.topics import admin_of, publisher_of
from soulprint.upload import require_uploadable, uploaded


def submit_command(
    export: str,
    user: str,
    *,
    as_json: bool,
    replace: bool = False,
    upload: bool = False,
    lineage: str | None = None,
) -> None:
    """Have an import taken, publish its event, and print which import and run it is."""
    settings = load_settings()
    lineage = lineage_named(lineage)
    if upload:
        require_uploadable(Path(export), settings)
        uploaded = submit_uploaded(Path(export), user, settings, replace=replace, lineage=lineage)
        key, source = asyncio.run(uploaded)
    else:
        require_seen(export, settings)
        key = asyncio.run(submit(export, user, settings, replace=replace, lineage=lineage))
        source = export
    if as_json:
        say_json({"import_id": key.import_id, "run": key.run, "source": source})
    else:
        say(f"import {key.import_id} run {key.run}", f"follow it: soulprint status {key.import_id}")


def require_seen(export: str, settings: Settings) -> None:
    """Raises UsageError for a local file that the services will not read: they take local files only below
    IMPORT_ROOTS. Where that is not set here, only they know; then it is said on standard error."""
    path = Path(export)
    if not path.exists():
        return  # an object of storage, or a mistake that is told by its name
    where = "services read local exports only below the folders of their IMPORT_ROOTS"
    if settings.import_roots is None:
        say(f"soulprint: {where}; {path.resolve()} must lie there, at this path.", err=True)
    elif not any(path.resolve().is_relative_to(root.resolve()) for root in settings.import_roots):
        roots = listed([str(root) for root in settings.import_roots])
        raise UsageError(
            f"{where}, here {roots}; {path.resolve()} does not. Put it there, or set IMPORT_ROOTS"
        )


async def submit(
    export: str, user: str, settings: Settings, *, replace: bool = False, lineage: str | None = None
) -> RunKey:
    """Publish an import. A run of it that is under way goes on; else it is the next run."""
    request = await asyncio.to_thread(request_of, export, user_id_for(user), settings, lineage)
    async with opened_store(settings) as store, _publisher(settings) as publisher:
        await note_name(store, request.user_id, user)
        accepted = await accept(request, store, settings, Terms(replace=replace))
        await offer(accepted, store, publisher)
    return accepted.key


async def submit_uploaded(
    file: Path, user: str, settings: Settings, *, replace: bool = False, lineage: str | None = None
) -> tuple[RunKey, str]:
    """Put a local export into storage and publish its import; also where it lies there. Nothing is left there
    of an import that the database does not take."""
    user_id = user_id_for(user)
    async with opened_store(settings) as store, _publisher(settings) as publisher:
        await note_name(store, user_id, user)
        async with uploaded(file, user_id, settings) as source:
            request = await asyncio.to_thread(request_of, source, user_id, settings, lineage)
            accepted = await accept(request, store, settings, Terms(replace=replace))
        await offer(accepted, store, publisher)
    return accepted.key, source


@asynccontextmanager
async def _publisher(settings: Settings) -> AsyncIterator[Publisher]:
    """A publisher on Kafka. Raises SoulprintError where there is no topic to publish to."""
    log = KafkaLog.of(settings, PoolMetrics(CollectorRegistry()))
    async with admin_of(settings) as admin:
        lanes = [spec for each in (settings.pipeline, V1) for spec in topics_of(each)[1:2]]
        for lacking in await find_lacking(admin, prefixed(lanes, settings.kafka_prefix)):
            if lacking.what == MISSING:
                raise SoulprintError(
                    f"the topic {lacking.topic} does not exist; run `soulprint topics create`"
                )
            raise SoulprintError(refusal("Write", "topic", lacking.topic))
    async with publisher_of(log, "submit") as publisher:
        yield publisher
