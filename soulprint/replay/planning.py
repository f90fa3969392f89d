"""`soulprint replay plan`: which imports are done again, and what that will take."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from services.chunker.configured import variant_of
from shared.models.base import Metered
from shared.models.open import opened_model
from shared.settings import Settings, load_settings
from shared.store.open import opened_store
from shared.store.replays import ReplayRow, Stage, Which
from soulprint.asked import name_of
from soulprint.estimate import NO_KEY
from soulprint.replay.looking import Around, extractors_now, sources_of
from soulprint.replay.selecting import selection_of, which_of
from soulprint.replay.wording import as_json as figures_as_json
from soulprint.replay.wording import told_plan
from soulprint.terminal import say, say_json


def plan_command(
    users: Sequence[str],
    imports: Sequence[str],
    since: str | None,
    until: str | None,
    *,
    stage: Stage,
    only: Sequence[str],
    sample: str | None,
    model_version: str | None,
    by: str | None,
    as_json: bool,
) -> None:
    """Make a plan and print it. Where nothing is selected it says so, and no plan is kept."""
    which = which_of(only, stage)
    selection = selection_of(users, imports, since, until, sample, model_version)
    planned, around = asyncio.run(make_plan(load_settings(), stage, which, selection, name_of(by)))
    if as_json:
        say_json(figures_as_json(planned, around), indent=True)
    else:
        say(*told_plan(planned, around))


async def make_plan(
    settings: Settings, stage: Stage, which: Sequence[Which], selection: Mapping[str, Any], by: str
) -> tuple[ReplayRow, Around]:
    """The plan, and what is known around it. The model is not asked for anything: it needs no key."""
    if settings.model == "claude" and settings.anthropic_api_key is None:
        settings = settings.model_copy(update={"anthropic_api_key": NO_KEY})
    async with opened_model(settings, workers=0) as model, opened_store(settings, connections=2) as store:
        planned = await store.plan_replay(
            uuid4(),
            stage=stage,
            which=which,
            selection=selection,
            pipeline=settings.pipeline,
            model=model.name,
            prompt_version=model.prompt_version,
            by=by,
            rates=asdict(model.rates(settings.memory_tokens)) if isinstance(model, Metered) else None,
            variant=variant_of(settings),
            writing_version=model.writing_version if isinstance(model, Metered) else None,
        )
        sources = None
        if stage == "chunks" and planned.id is not None:
            sources = await sources_of(store, planned.id, planned.figures.imports)
    extractors = await extractors_now(settings) if planned.id is not None else None
    return planned, Around(extractors, sources, scales=bool(settings.kafka_bootstrap_servers))
