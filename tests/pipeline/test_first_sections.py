"""First sections beside a run at work, and after one that failed, as the app's pages show them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from shared.domain.ids import quick_id
from shared.domain.runs import RunKind
from shared.pipelines import V1, services_of
from shared.requests import relay
from shared.requests.accept import Accepted, accept, offer
from shared.requests.request import request_of
from shared.store.runs import RunRow
from shared.store.store import Store
from tests.support.app_pages import Pages, app_dsn, is_sound, pages, store
from tests.support.app_statements import ask
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.local import LocalSetting
from tests.support.services import hosted
from tests.support.waiting import until

__all__ = ["app_dsn", "pages", "store"]
V2 = services_of("v2")


@pytest.fixture(autouse=True)
def prompt_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offers at once what is owed."""
    monkeypatch.setattr(relay, "OLD_SECONDS", 0.0)
    monkeypatch.setattr(relay, "LOOK_SECONDS", 0.05)


@pytest.fixture
def setting(app_dsn: str, exports: Path) -> LocalSetting:
    changes = {
        "extract_workers": 0,
        "profile_format": "app",
        "anthropic_api_key": "test-key",
    }
    return LocalSetting(app_dsn, exports, changes=changes)


async def taken(setting: LocalSetting, store: Store, pages: Pages) -> Accepted:
    """An import that was asked for and is on the log."""
    request = request_of(str(setting.root / "small.zip"), pages.user, setting.settings())
    accepted = await accept(request, store, setting.settings())
    await offer(accepted, store, setting.log)
    return accepted


async def run_of(store: Store, import_: Any, kind: RunKind) -> RunRow:
    """The run of this kind of an import, once it has ended."""
    found: list[RunRow] = []

    async def has_ended() -> bool:
        found[:] = [run for run in await store.list_runs(import_) if run.kind is kind and run.ended]
        return bool(found)

    has_ended.__doc__ = f"the {kind} run ends"
    await until(has_ended)
    return found[0]


async def full_pass(pages: Pages) -> tuple[str, str | None]:
    ((status, error, _, _),) = await ask(pages.sql, "chat page: poll", pages.user)
    return status, error


async def test_a_person_chats_with_first_sections_until_the_memory_is_there(
    setting: LocalSetting, store: Store, pages: Pages
) -> None:
    await pages.begin()
    async with hosted(setting, ("quickpass",)):
        import_ = (await taken(setting, store, pages)).key.import_id
        assert (await pages.watch())[-1] == (100, "Complete", "quick_ready", None)
        assert all(isinstance(section, dict) for section in await pages.sections())
        assert (await full_pass(pages))[0] in ("processing", "pending")
        first = await pages.sections()
        async with hosted(setting, V2):
            assert (await run_of(store, import_, RunKind.PRIMARY)).state == "complete"
        assert (await run_of(store, quick_id(import_), RunKind.QUICK)).state == "complete"
    assert await full_pass(pages) == ("complete", None)
    assert await pages.sections() != first, "they rest on facts now"
    states = await pages.states()
    is_sound([(s["progress_percent"], s["import_stage"], s["import_status"], None) for s in states])
    told = [s["import_status"] for s in states]
    assert told == sorted(told, key=["processing", "quick_ready", "complete"].index)
    profile = await store.read_profile(pages.user)
    assert profile is not None
    assert (profile.import_id, profile.pipeline) == (import_, "v2")
    assert (profile.memory_md or "").startswith("# ")


async def test_first_sections_that_come_late_take_nothing_away(
    setting: LocalSetting, store: Store, pages: Pages
) -> None:
    await pages.begin()
    async with hosted(setting, V2):
        import_ = (await taken(setting, store, pages)).key.import_id
        assert (await run_of(store, import_, RunKind.PRIMARY)).state == "complete"
        sections = await pages.sections()
        async with hosted(setting, ("quickpass",)):
            late = await run_of(store, quick_id(import_), RunKind.QUICK)
    assert late.state != "failed"
    assert await pages.sections() == sections
    assert (await full_pass(pages))[0] == "complete"


async def test_where_a_model_refuses_everything_a_fallback_gives_sections(
    setting: LocalSetting, store: Store, pages: Pages
) -> None:
    async with fake_claude() as fake:
        fake.faults.chances = {"refusal": 1.0}
        setting.changes |= {
            "model": "claude",
            "anthropic_base_url": fake.url,
            "profile_format": "markdown",
        }
        await pages.begin()
        async with hosted(setting, ("quickpass", *V2)):
            event = await setting.import_of(setting.root / "small.zip", pages.user)
            failed = await run_of(store, event.import_id, RunKind.PRIMARY)
            fallback = await run_of(store, event.import_id, RunKind.FALLBACK)
    assert (failed.state, fallback.state, fallback.pipeline) == ("failed", "complete", V1)
    kinds = Counter(run.kind for run in await store.list_runs(event.import_id))
    assert kinds == {RunKind.PRIMARY: 1, RunKind.FALLBACK: 1}
    profile = await store.read_profile(pages.user)
    assert profile is not None
    assert (profile.full_pass_status, profile.pipeline) == ("failed", V1)
    assert "could be read" in (profile.full_pass_error or "")
    assert profile.soul_md


async def test_a_failed_run_beside_first_sections_needs_no_fallback(
    setting: LocalSetting, store: Store, pages: Pages
) -> None:
    async with fake_claude() as fake:
        fake.faults.chances = {"refusal": 1.0}
        setting.changes |= {"model": "claude", "anthropic_base_url": fake.url}
        await pages.begin()
        async with hosted(setting, ("quickpass",)):
            import_ = (await taken(setting, store, pages)).key.import_id
            await run_of(store, quick_id(import_), RunKind.QUICK)
            async with hosted(setting, V2):
                assert (await run_of(store, import_, RunKind.PRIMARY)).state == "failed"
    status, error = await full_pass(pages)
    assert (status, bool(error)) == ("failed", True)
    assert [run.kind for run in await store.list_runs(import_)] == [RunKind.PRIMARY]
    assert (await pages.watch())[-1] == (100, "Complete", "complete", None)
    assert all(isinstance(section, dict) for section in await pages.sections())
