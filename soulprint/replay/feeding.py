"""`soulprint replay feed`: another pipeline processes what lies on the log, in shadow."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry
from pydantic import TypeAdapter, ValidationError

from shared.domain.bounds import PipelineName
from shared.domain.discreet import adapter_of
from shared.domain.errors import SoulprintError, UsageError
from shared.domain.plurals import counted, listed, plural
from shared.log.kafka.client import KafkaLog
from shared.log.kafka.rights import refusal
from shared.log.kafka.topics import MISSING, find_lacking
from shared.log.metrics import PoolMetrics
from shared.pipelines import V1, prefixed, topics_of
from shared.requests.feeding import Feed, Progress, Sought
from shared.settings import Settings, load_settings
from shared.store.open import opened_store
from soulprint.asked import Asked as Who
from soulprint.asked import noted_by
from soulprint.blocks import block
from soulprint.moments import moment_ago
from soulprint.terminal import say, say_json
from soulprint.topics import admin_of, publisher_of
from soulprint.wording import at

_NAME: TypeAdapter[str] = adapter_of(PipelineName)
_SHOWN = 40
TOLD_SECONDS = 5.0
"""Between lines of how far it is."""
LEFT_OUT = {
    "known": "made before, or met twice",
    "older": "of an import that has a newer run",
    "cancelled": "cancelled",
    "beside": "of runs that nobody asked for: first sections, fallbacks, shadow runs",
    "other": "of runs that no service of another pipeline drives",
    "unknown": "of runs that the database does not have: deleted since, or not taken up yet",
    "foreign": "of imports that are another user's",
    "unreadable": "no events that can be read",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, as it was typed."""

    pipeline: str
    since: str
    until: str | None
    at_once: int
    rate: float | None
    as_json: bool
    by: str | None = None
    reason: str | None = None


def feed_command(asked: Asked) -> None:
    """Feed, and print what became of the events. Raises UsageError for what cannot be meant, SoulprintError
    where there is nothing to feed."""
    settings = load_settings()
    sought = sought_of(asked, settings, datetime.now(UTC))
    who = noted_by(asked.by, asked.reason)
    progress = asyncio.run(_feed(sought, settings, who, as_json=asked.as_json))
    if asked.as_json:
        say_json(_as_json(sought, progress))
        return
    say(*_told(sought, progress))


def sought_of(asked: Asked, settings: Settings, now: datetime) -> Sought:
    """What is to be fed, at this time. Raises UsageError for what cannot be meant."""
    pipeline = pipeline_named(asked.pipeline)
    _require_beside(pipeline, settings)
    if asked.rate is not None and not asked.rate > 0:  # nor nan
        raise UsageError("--rate is how many imports a minute: a number above 0")
    since = moment_ago(asked.since, now)
    until = None if asked.until is None else moment_ago(asked.until, now)
    if until is not None and until <= since:
        raise UsageError(f"--until {at(until)} is not after --since {at(since)}")
    return Sought(
        pipeline,
        settings.pipeline,
        _milliseconds(since),
        None if until is None else _milliseconds(until),
        asked.at_once,
        asked.rate,
    )


def pipeline_named(name: str) -> str:
    """A pipeline that can be fed. Raises UsageError."""
    try:
        pipeline = _NAME.validate_python(name)
    except ValidationError:
        raise UsageError(f"{name[:_SHOWN]!a} is no pipeline: it is v and a number, such as v3") from None
    if pipeline == V1:
        raise UsageError("v1 makes first sections, and has no shadow runs: feed a pipeline such as v3")
    return pipeline


def _require_beside(pipeline: str, settings: Settings) -> None:
    """Raises UsageError for the pipeline that is served."""
    if pipeline == settings.pipeline:
        raise UsageError(
            f"{pipeline} is the pipeline that PIPELINE serves here: it has these imports. Feed another, such "
            f"as v{int(pipeline[1:]) + 1}; its services alone are deployed with its name as PIPELINE"
        )


async def _feed(sought: Sought, settings: Settings, who: Who, *, as_json: bool) -> Progress:
    log = KafkaLog.of(settings, PoolMetrics(CollectorRegistry()))
    async with opened_store(settings, connections=2) as store:
        await _require_topics(sought.pipeline, settings)
        async with publisher_of(log, "feed") as publisher:
            await store.note_audit(who.by, "replay feed", sought.pipeline, who.reason)
            feed = Feed(sought, log.reading(), store, publisher)
            return await feed.run(_quiet if as_json else _Telling(sought).tell)


async def _require_topics(pipeline: str, settings: Settings) -> None:
    async with admin_of(settings) as admin:
        own = [spec for spec in topics_of(pipeline) if spec.name.endswith(f".{pipeline}")]
        lacking = await find_lacking(admin, prefixed(own, settings.kafka_prefix))
    if refused := [each.topic for each in lacking if each.what != MISSING]:
        raise SoulprintError(refusal("Describe", "topic", ", ".join(refused)))
    if missing := [each.topic for each in lacking]:
        raise UsageError(
            f"{pipeline} has no {plural(len(missing), 'topic', 'topics')} {listed(missing)} yet: run "
            f"`SOULPRINT_PIPELINE={pipeline} soulprint topics create`, and deploy its services"
        )


def _quiet(_: Progress) -> None:
    pass


class _Telling:
    """A line now and then, of a feed that takes long."""

    def __init__(self, sought: Sought) -> None:
        self._sought = sought
        self._next = time.monotonic() + TOLD_SECONDS

    def tell(self, progress: Progress) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + TOLD_SECONDS
        pipeline = self._sought.pipeline
        waits = (
            f"; waits: {progress.unfinished:,} runs of {pipeline} are under way. Do its services run?"
            if progress.waits
            else ""
        )
        say(
            f"{progress.read:,} of {counted(progress.events, 'event')} read, "
            f"{counted(progress.fed, 'import')} fed to {pipeline}{waits}",
            err=True,
        )


def _told(sought: Sought, progress: Progress) -> list[str]:
    pipeline = sought.pipeline
    fed, events = counted(progress.fed, "import"), counted(progress.read, "event")
    lines = [f"{fed} fed to {pipeline}, of {events} on the log"]
    lines += [
        f"  {count:,} {LEFT_OUT[what]}"
        for what, count in progress.outcomes.most_common()
        if count and what in LEFT_OUT
    ]
    if progress.cut:
        lines.append(
            f"{listed(progress.cut)}: what lay there before is past retention, perhaps of that time, too. "
            "The database knows it still: `soulprint replay plan`"
        )
    if progress.fed or progress.unfinished:
        lines.append(
            f"{counted(progress.unfinished, 'run')} of {pipeline} under way. Next: "
            f"`soulprint replay compare --pipeline {pipeline}`"
        )
    return [block(line) if not line.startswith(" ") else line for line in lines]


def _as_json(sought: Sought, progress: Progress) -> dict[str, object]:
    return {
        "pipeline": sought.pipeline,
        "since": datetime.fromtimestamp(sought.since / 1000, UTC),
        "until": None if sought.until is None else datetime.fromtimestamp(sought.until / 1000, UTC),
        "events": progress.read,
        "fed": progress.fed,
        "left_out": {what: progress.outcomes[what] for what in LEFT_OUT if progress.outcomes[what]},
        "unfinished": progress.unfinished,
        "past_retention": progress.cut,
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
