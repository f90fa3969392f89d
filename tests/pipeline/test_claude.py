"""The services with Claude as their model, at the stand-in over HTTP."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.extractor.app import app, batch_extractor
from services.extractor.batch_desk import BatchDesk
from shared.domain.documents import OPENINGS
from shared.domain.errors import UsageError
from shared.host.host import Host
from shared.host.service import Kit, Service
from shared.models.claude.model import ClaudeModel
from shared.models.open import claude_options, provider_of
from shared.models.writer.writer import DeterministicWriter
from shared.pipelines import IMPORT_RECEIVED
from shared.resilience.backoff import Backoff
from shared.store.batches import StoreLedger
from shared.store.store import Store
from tests.exports.generate import generate
from tests.exports.plants import markers_in
from tests.support.fake_claude.fixtures import fake_claude, served_usage, spent_usage
from tests.support.fake_claude.server import FakeClaude
from tests.support.local import LocalSetting
from tests.support.ops import CommandOf
from tests.support.services import ended, hosted
from tests.support.waiting import until

CEILING = 4


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 30 chunks."""
    path = tmp_path_factory.mktemp("claude") / "export.zip"
    generate(path, 100, seed=7)
    return path


def with_claude(setting: LocalSetting, fake: FakeClaude, export: Path, **more: Any) -> LocalSetting:
    """The services' settings with Claude as their model, at the stand-in."""
    setting.root = export.parent
    setting.changes |= {
        "model": "claude",
        "anthropic_api_key": "test-key",
        "anthropic_base_url": fake.url,
        "fact_extraction_concurrency": CEILING,
        **more,
    }
    return setting


async def page(host: Host, path: str) -> tuple[int, str]:
    """A page of the services' health server."""

    def get() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{host.port}{path}", timeout=10) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return int(error.code), error.read().decode()

    return await asyncio.to_thread(get)


def sample(host: Host, name: str, **labels: str) -> float:
    """A metric's value; 0 where there is none."""
    return host.registry.get_sample_value(name, {"model": "claude-haiku-5-5", **labels}) or 0.0


def named(true: Callable[[], Awaitable[bool]], what: str) -> Callable[[], Awaitable[bool]]:
    true.__doc__ = what
    return true


async def held(store: Store) -> dict[str, str]:
    """Why each service is held, as the database has it."""
    return {hold.service: hold.reason for hold in await store.read_holds(60)}


async def found_markers(store: Store, user_id: Any) -> set[str]:
    facts = await store.list_facts(user_id, None, 1000)
    return {marker for fact in facts for marker in markers_in(fact.statement)}


def offered_markers(fake: FakeClaude) -> set[str]:
    return {marker.lower() for marker in fake.told()["offered"]}


TROUBLES: list[tuple[str, str]] = [
    ("unauthorized", "set ANTHROPIC_API_KEY"),
    ("no_credit", "add credit"),
    ("bad_request", "check SOULPRINT_CLAUDE_MODEL"),
    ("prose", "does not keep to the JSON schema"),
    ("gone", "cannot reach"),
]


@asynccontextmanager
async def eager_extractor(kit: Kit) -> AsyncIterator[Service]:
    """The extractor, which tries a provider that came back as soon as the model lets it."""
    async with app(kit) as service:
        yield replace(service, policy=replace(service.policy, trials=Backoff(base=0.1, cap=0.1)))


@pytest.mark.slow
async def test_an_import_is_claudes_and_no_trouble_with_the_provider_costs_a_chunk(
    setting: LocalSetting, store: Store, export: Path, command_of: CommandOf
) -> None:
    async with fake_claude(latency=0.05) as fake:
        with_claude(setting, fake, export, chunk_tokens=1500)  # enough for every trouble to find some left
        async with hosted(setting, extractor=eager_extractor) as host:
            event = await setting.import_of(export)
            for trouble, says in TROUBLES:
                served = fake.told()["calls"]
                await until(lambda served=served: fake.told()["calls"] >= served + 4)
                port = fake.port
                if trouble == "gone":
                    await fake.stop()
                else:
                    fake.faults.chances = {trouble: 1.0}

                async def said(says: str = says) -> bool:
                    return says in (await held(store)).get("extractor", "")

                await until(named(said, f"{trouble} is said"))
                status, body = await page(host, "/readyz")
                assert status == 503
                assert says in body
                assert (await page(host, "/livez"))[0] == 200
                labels = {"stage": "extractor", "hold": "faults"}
                await until(
                    lambda labels=labels: host.registry.get_sample_value("soulprint_pool_paused", labels) == 1
                )
                if trouble == "unauthorized":
                    told = await asyncio.to_thread(command_of(setting), "status")
                    assert says in told.out
                if trouble == "gone":
                    await fake.start(port)
                fake.faults.chances = {}
            run = await ended(store, event)
            assert (run.state, run.chunks_dead, run.coverage) == ("complete", 0, 1.0)
            assert await found_markers(store, event.user_id) == offered_markers(fake)
            profile = await store.read_profile(event.user_id)
            assert profile is not None
            assert "\n\n## " in (profile.memory_md or "")
            assert (await page(host, "/readyz"))[0] == 200

            (usage,) = await store.read_usage(event.user_id)
            told_usage = fake.told()
            assert spent_usage(usage) == served_usage(fake)
            assert usage.unanswered > 0  # what the provider dropped as it went down
            assert usage.runs == 1
            assert usage.cost == pytest.approx(run.cost)
            extracted = sample(host, "soulprint_model_tokens_total", stage="extractor", kind="output")
            written = sample(host, "soulprint_model_tokens_total", stage="consolidator", kind="output")
            assert extracted + written == told_usage["output_tokens"]
            assert sample(host, "soulprint_model_calls_total", stage="extractor", outcome="unusable") > 0
            assert sample(host, "soulprint_model_calls_total", stage="extractor", outcome="unreachable") > 0
            assert sample(host, "soulprint_model_calls_limit", stage="extractor") == CEILING
            assert sample(host, "soulprint_model_cost_dollars_total", stage="extractor") > 0

            async def free() -> bool:
                return await held(store) == {}

            await until(named(free, "nothing is held any more"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"anthropic_api_key": ""}, "set ANTHROPIC_API_KEY"),
        ({"model_prices": "README.md"}, "the price file README.md is wrong"),
        ({"anthropic_base_url": "localhost:1"}, "set ANTHROPIC_BASE_URL to http"),
    ],
)
async def test_what_cannot_work_ends_the_service_at_once_with_what_to_set(
    setting: LocalSetting, export: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], says: str
) -> None:
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    async with fake_claude() as fake:
        with_claude(setting, fake, export, **changes)
        with pytest.raises(UsageError, match=says):
            async with hosted(setting, ("extractor",)):
                pass
        assert fake.told()["requests"] == 0


async def test_sections_wait_for_a_provider_that_cannot_be_used(
    setting: LocalSetting, store: Store, export: Path
) -> None:
    async with fake_claude() as fake:
        with_claude(setting, fake, export)
        async with hosted(setting) as host:
            fake.only_extracts = True
            event = await setting.import_of(export)

            async def said() -> bool:
                return "set ANTHROPIC_API_KEY" in (await held(store)).get("consolidator", "")

            await until(named(said, "the consolidator says why it waits"))
            status, body = await page(host, "/readyz")
            assert (status, "consolidator: paused (model: " in body) == (503, True)
            assert (await page(host, "/livez"))[0] == 200
            assert sample(host, "soulprint_model_paused", stage="consolidator") == 1
            assert not (await store.list_runs(event.import_id))[0].ended
            fake.only_extracts = False
            run = await ended(store, event)
            assert (run.state, run.chunks_dead) == ("complete", 0)
            assert sample(host, "soulprint_model_paused", stage="consolidator") == 0
            profile = await store.read_profile(event.user_id)
            assert profile is not None
            assert (profile.soul_md or "").startswith(f"# Soul\n\n{OPENINGS['soul']}\n\n## ")


@asynccontextmanager
async def hasty_extractor(kit: Kit) -> AsyncIterator[Service]:
    """The extractor by batches, as its app opens it, with short waits."""
    options = replace(claude_options(kit.settings, patience=0.0), batch_poll=0.02)
    model = ClaudeModel(options, DeterministicWriter())
    desk = BatchDesk(model, StoreLedger(kit.store, provider_of(kit.settings)), gather=0.5)
    try:
        yield replace(batch_extractor(kit, model, desk), grace=0.1)
    finally:
        await desk.close()
        await model.close()


@pytest.mark.slow
async def test_batches_outlive_their_service_and_are_paid_for_once(
    setting: LocalSetting, store: Store, export: Path, sql: asyncpg.Connection
) -> None:
    async with fake_claude(batch_looks=1_000_000, chances={"errored": 0.1}) as fake:
        with_claude(setting, fake, export, model_batch=True)
        async with hosted(setting, extractor=hasty_extractor):
            event = await setting.import_of(export)
            await until(lambda: fake.batches.looked_at > 3)
        sent = fake.batches.requests
        assert sent > 20
        fake.batches.looks = 1
        setting.lose_log()
        async with hosted(setting, extractor=hasty_extractor):
            await setting.publish(setting.topic(IMPORT_RECEIVED), event)
            run = await ended(store, event)

            async def struck_off() -> bool:
                return int(await sql.fetchval("SELECT count(*) FROM batch_chunks")) == 0

            await until(named(struck_off, "no batch is open any more"))
        assert (run.state, run.chunks_dead) == ("complete", 0)
        assert (
            fake.batches.requests == run.chunks_ok
        )  # what the second service sent is what the first had not
        assert fake.told()["batch"]["calls"] > 0.5 * run.chunks_ok
        assert fake.told()["calls"] == run.chunks_ok + 2
        assert await found_markers(store, event.user_id) == offered_markers(fake)
