"""`soulprint submit`: hand an export to the services."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import orjson
import typer
from prometheus_client import CollectorRegistry

from shared.domain.errors import SoulprintError, UsageError
from shared.domain.events import ImportReceived
from shared.domain.ids import import_id, user_id_for
from shared.domain.runs import RunKey
from shared.exports.export import open_export
from shared.exports.limits import read_limits
from shared.log.kafka.client import connection_of
from shared.log.kafka.publisher import Publisher
from shared.log.kafka.topics import find_drift
from shared.log.metrics import PoolMetrics
from shared.pipelines import IMPORT_RECEIVED, topic, topics_of
from shared.settings import Settings, load_settings
from shared.store.open import opened_store
from soulprint.topics import admin_of


def submit_command(export: str, user: str, *, as_json: bool) -> None:
    """Publish an ImportReceived and print which import and run it is."""
    key = asyncio.run(submit(export, user_id_for(user), load_settings()))
    if as_json:
        typer.echo(orjson.dumps({"import_id": key.import_id, "run": key.run}))
    else:
        typer.echo(f"import {key.import_id} run {key.run}\nfollow it: soulprint status {key.import_id}")


def identified(export: str, user_id: UUID, settings: Settings) -> tuple[str, UUID]:
    """The source and the import's id of a local file, by its content, or of `bucket/path`, by its name."""
    path = Path(export)
    if path.exists():
        with open_export(path, read_limits(settings)) as opened:
            return str(path.resolve()), import_id(user_id, opened.fingerprint)
    if "/" in export.strip("/") and not path.is_absolute() and not export.startswith("."):
        return export, import_id(user_id, f"source\0{export}")
    raise UsageError(f"{export}: no such file, and not bucket/path in storage")


async def submit(export: str, user_id: UUID, settings: Settings) -> RunKey:
    """Publish an import. A run of it that is under way goes on; else it is the next run."""
    source, of = identified(export, user_id, settings)
    async with opened_store(settings) as store:
        runs = await store.list_runs(of, limit=1)
    goes_on = bool(runs) and runs[0].on_log and not runs[0].ended
    run = 1 if not runs else runs[0].run + (not goes_on)
    event = ImportReceived(
        import_id=of, user_id=user_id, run=run, source=source, requested_at=datetime.now(UTC)
    )
    await _publish(event, settings)
    return RunKey(of, run)


async def _publish(event: ImportReceived, settings: Settings) -> None:
    async with admin_of(settings) as admin:
        (spec, *_) = topics_of(settings.pipeline)
        if any(drift.what == "missing" for drift in await find_drift(admin, [spec])):
            raise SoulprintError(f"the topic {spec.name} does not exist; run `soulprint topics create`")
    publisher = Publisher(
        connection_of(settings),
        source="submit",
        pipeline=settings.pipeline,
        metrics=PoolMetrics(CollectorRegistry()),
    )
    try:
        await publisher.start()
        await publisher.publish(topic(IMPORT_RECEIVED), str(event.import_id), event)
    finally:
        await publisher.close()
