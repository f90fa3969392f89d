"""A plan as it is printed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.store.replays import Figures, ReplayItem, ReplayRow
from soulprint.replay.looking import Around, Sources
from soulprint.replay.wording import (
    LEFT_OUT,
    as_json,
    replay_as_json,
    told_item,
    told_plan,
    told_replay,
    told_why,
)

PLAN = UUID("11111111-1111-4111-8111-111111111111")
FIGURES = Figures(
    imports=1200, chunks=60_000, cached=59_000, calls=3000, input_tokens=4_000_000, output_tokens=200_000,
    dollars=12.5, seconds=5400, left_out={"running": 2, "unread": 1},
)  # fmt: skip


def planned(figures: Figures = FIGURES, **changes: Any) -> ReplayRow:
    given: dict[str, Any] = {
        "id": PLAN,
        "state": "planned",
        "stage": "facts",
        "which": ("stale",),
        "selection": {},
        "pipeline": "v2",
        "model": "claude-haiku-5-5",
        "prompt_version": "p",
        "planned_by": "me",
        "figures": figures,
        "planned_at": datetime(2026, 11, 26, 8, 0, tzinfo=UTC),
    }
    return ReplayRow(**(given | changes))


def test_a_plan_tells_what_it_takes_and_what_it_leaves_out() -> None:
    text = " ".join("\n".join(told_plan(planned(), Around(3))).split())
    for part in (
        f"plan {PLAN}: stale, stage facts",
        "1,200 imports, 60,000 chunks anew: 59,000 in the cache",
        "3,000 calls of claude-haiku-5-5: 4,000,000 tokens in, 200,000 out: $12.5000",
        "about 1 h 30 min, at the pace of the imports that ended of late; 3 extractors at work now",
        "left out: 2: a run is under way",
        "left out: 1: not read to their end",
        f"`soulprint replay run {PLAN} --reason TEXT`",
    ):
        assert part in text


def test_where_one_process_does_all_no_extractors_are_counted_and_no_calls_cost_nothing() -> None:
    free = FIGURES.model_copy(update={"calls": 0, "input_tokens": 0, "output_tokens": 0, "dollars": 0.0})
    text = "\n".join(told_plan(planned(free), Around(scales=False)))
    assert "extractor" not in text
    assert "no call of a model, so it costs nothing" in text


def test_a_replay_in_a_list_says_who_planned_it_and_who_ran_it() -> None:
    ran = planned(
        state="paused", paused_why="canary", run_by="nora", reason="größer", items={"done": 2, "waiting": 1},
        started_at=datetime(2026, 11, 26, 9, 0, tzinfo=UTC),
    )  # fmt: skip
    text = " ".join(told_replay(ran).split())
    for part in (
        "paused, its first imports are done, and it waits for your word",
        "planned 2026-11-26 08:00:00 UTC by me",
        "run 2026-11-26 09:00:00 UTC by nora: größer",
        "3 imports: 2 done and 1 waiting",
    ):
        assert part in text
    assert replay_as_json(ran)["plan"] == str(PLAN)
    assert "id" not in replay_as_json(ran)


def test_why_an_import_failed_is_told_to_its_end_and_commands_no_terminal() -> None:
    why = "the source cannot be read: " + "x" * 300 + "\x1b[31m: set IMPORT_ROOTS"
    assert told_why(why).endswith("set IMPORT_ROOTS")
    assert "\x1b" not in told_why(why)
    assert len(told_why("x" * 10_000)) == 600
    assert told_why("newer") == "imported or replayed again since it was planned"


def test_what_is_not_known_is_said_to_be() -> None:
    unknown = FIGURES.model_copy(update={"dollars": None, "seconds": None})
    text = " ".join("\n".join(told_plan(planned(unknown), Around(None, Sources(1, 2, 3)))).split())
    for part in (
        "no price is known for claude-haiku-5-5",
        "how long it takes is not known",
        "how many extractors there are is not known",
        "1 export not there any more",
        "2 in storage, not looked at; 3 more not looked at",
    ):
        assert part in text
    assert "no extractor is at work now" in " ".join("\n".join(told_plan(planned(), Around(0))).split())


def test_a_selection_of_nothing_says_so() -> None:
    lines = told_plan(planned(Figures(left_out={"outdone": 4}), id=None), Around())
    assert lines[0] == "nothing to do again; no plan is kept"
    assert "4: a newer export took their place" in lines[1]


def test_json_has_the_figures_that_are_promised() -> None:
    found = as_json(planned(), Around(3))
    assert list(found)[:9] == [
        "plan", "imports", "chunks", "cached", "calls", "input_tokens", "output_tokens", "dollars", "seconds",
    ]  # fmt: skip
    assert (found["plan"], found["dollars"], found["extractors"], found["sources"]) == (
        str(PLAN),
        12.5,
        3,
        None,
    )
    assert as_json(planned(id=None), Around())["plan"] is None


def test_what_people_wrote_commands_no_terminal() -> None:
    evil = "\x1b]0;owned\x07\u202e"
    row = planned(
        reason=evil,
        planned_by=evil,
        run_by=evil,
        state="paused",
        paused_why=evil,
        model=evil,
        selection={"model_version": evil, "since": evil, "users": [str(PLAN)]},
        figures=FIGURES.model_copy(update={"left_out": {evil: 1}}),
    )
    item = ReplayItem(
        position=1,
        import_id=PLAN,
        user_id=PLAN,
        base_run=1,
        run=2,
        state="skipped",
        why=evil,
        chunks=1,
        cached=1,
        calls=1,
        input_tokens=1,
        output_tokens=1,
        cost=None,
        spent=0.5,
        calls_made=1,
        begun_at=None,
        ended_at=None,
    )
    text = "\n".join([told_replay(row), *told_plan(row, Around()), told_item(item, "ana")])
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert "took $0.5000" in text


def test_each_reason_has_words() -> None:
    assert set(LEFT_OUT) == {
        "unknown",
        "no imports",
        "v1",
        "cancelled",
        "running",
        "at fault",
        "failed",
        "unserved",
        "outdone",
        "unread",
    }
