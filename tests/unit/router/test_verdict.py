"""When a lane is rolled back, held, or may go on; and that nothing else does it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from services.router.judging.signals import Signal, failures
from services.router.judging.thresholds import Thresholds
from services.router.judging.verdict import Verdict, judge
from shared.store.routing import Outcome, Policy
from tests.unit.router.building import ENTERED, after, outcome, outcomes, policy

NOW = after(7 * 3600)


def judged(
    since: Sequence[Outcome], before: Sequence[Outcome] = (), under: Policy | None = None, **thresholds: Any
) -> Verdict:
    given = Thresholds.of(thresholds) if thresholds else None
    return judge(under or policy(), since, before, NOW, given)


def signal(verdict: Verdict, name: str) -> Signal:
    [found] = [each for each in verdict.signals if each.name == name]
    return found


def test_a_lane_that_is_well_passes() -> None:
    verdict = judged(outcomes(97, 3))
    assert verdict.kind == "pass"
    assert verdict.reasons == ()
    assert verdict.sentence == (
        "Pass: no run is stuck (2 h without an end); success 97.0 % of 100 (at least 95 %)."
    )
    assert verdict.policy_version == 4


def test_seven_failures_roll_back() -> None:
    verdict = judged(outcomes(0, 7))
    assert verdict.kind == "rollback"
    assert verdict.sentence == (
        "Roll back: 7 of 7 failed: log ratio 7.69 "
        "(rolls back at 6.86, which is 15 % failing rather than 5 %)."
    )
    assert signal(verdict, "failures").figures["failed"] == 7
    assert judged(outcomes(0, 6)).kind == "inconclusive"


def test_fewer_than_twenty_say_nothing() -> None:
    verdict = judged(outcomes(19))
    assert verdict.kind == "inconclusive"
    assert verdict.sentence == "Not enough to say: 19 ended (at least 20 are needed)."
    assert judged(outcomes(20)).kind == "pass"
    assert judged([]).kind == "inconclusive"


def test_success_below_the_bound_holds() -> None:
    verdict = judged(outcomes(42, 4))
    assert verdict.kind == "hold"
    assert verdict.sentence == "Hold: success 91.3 % of 46 (at least 95 %)."
    assert judged(outcomes(19, 1)).kind == "pass", "95 % is enough"


@pytest.mark.parametrize(
    "fields", [{"at_fault": True}, {"state": "cancelled"}, {"failed_at": "recalled"}, {"lane": "v1"}]
)
def test_what_no_lane_could_help_does_not_count(fields: dict[str, Any]) -> None:
    state = fields.pop("state", "failed")
    left_out = [outcome(state, **fields) for _ in range(50)]
    assert judged(left_out).kind == "inconclusive"
    assert judged([*left_out, *outcomes(30)]).kind == "pass"


def test_runs_of_an_earlier_step_do_not_count() -> None:
    earlier = [outcome("failed", decided_at=ENTERED - timedelta(seconds=1)) for _ in range(50)]
    assert judged([*earlier, *outcomes(30)]).kind == "pass"


def test_quick_failures_do_not_speak_for_runs_that_are_at_work() -> None:
    """Of 600 imports in two minutes 3 % fail, each in a second; what is well takes ten minutes."""
    random = Random(5)
    rolled_back = {
        rate: judged(
            [
                outcome("failed", at=n / 5, took=1)
                if random.random() < rate
                else outcome("extracting", at=n / 5)
                for n in range(600)
            ]
        )
        for rate in (0.03, 0.2, 1.0)
    }
    assert rolled_back[0.03].sentence == "Hold: success 0.0 % of 20 (at least 95 %)."
    told = signal(rolled_back[0.03], "failures").sentence
    assert told.endswith("; 575 of them are at work, and of an age at which others failed")
    assert rolled_back[0.2].kind == rolled_back[1.0].kind == "rollback"
    assert signal(rolled_back[1.0], "failures").figures["runs"] == 7


@pytest.mark.parametrize(("rate", "kinds"), [(0.03, {"pass"}), (0.3, {"rollback"})])
def test_looking_again_and_again_is_no_look_too_many(rate: float, kinds: set[str]) -> None:
    """An import every four seconds for an hour; it fails in a second, or takes minutes."""
    random = Random(11)
    runs = [(n * 4.0, random.random() < rate, random.lognormvariate(6.3, 0.4)) for n in range(900)]
    found = set[str]()
    for minute in range(3, 61, 3):
        begun = [each for each in runs if each[0] <= minute * 60]
        seen = [
            outcome("failed", at=at, took=1)
            if bad
            else outcome("complete" if at + took <= minute * 60 else "extracting", at=at, took=took)
            for at, bad, took in begun
        ]
        signal = failures(seen, Thresholds())
        found.add(signal.kind)
        if signal.kind == "rollback":
            assert minute < 12
            found = {"rollback"}
            break
    assert found == kinds


@pytest.mark.parametrize("fields", [{"state": "received"}, {"state": "extracting", "was_stuck": True}])
def test_runs_that_wait_or_are_stuck_speak_for_nothing(fields: dict[str, Any]) -> None:
    state = fields.pop("state")
    waiting = [outcome(state, at=1, **fields) for _ in range(10)]
    assert judged([*waiting, *outcomes(0, 7, spread=5000)]).kind == "rollback"


def test_a_lane_that_was_well_is_called_back_as_soon() -> None:
    well = outcomes(500)
    broken = [outcome("failed", at=700 + n) for n in range(9)]
    assert judged([*broken, *well]).kind == "rollback", "in the order of their ends, not of the list"
    assert judged([*broken[1:], *well]).kind == "pass"


def test_a_stuck_run_holds() -> None:
    verdict = judged([*outcomes(40), outcome("extracting", was_stuck=True)])
    assert verdict.kind == "hold"
    assert verdict.sentence == "Hold: 1 run is stuck, without an end 2 h after it was begun."
    few = judged([outcome("extracting", was_stuck=True)])
    assert few.kind == "hold", "whatever has ended"
    assert judged([*outcomes(40), outcome(was_stuck=True)]).kind == "pass", "it ended after all"


@pytest.mark.parametrize(("apart", "kind"), [(300, "rollback"), (400, "hold")])
def test_many_that_become_stuck_within_an_hour_roll_back(apart: float, kind: str) -> None:
    stuck = [outcome("extracting", at=apart * n, was_stuck=True) for n in range(11)]
    verdict = judged(stuck)
    assert verdict.kind == kind
    if kind == "rollback":
        assert verdict.sentence == "Roll back: 11 runs became stuck within 1 h (more than 10 roll back)."
    assert judged(stuck[1:]).kind == "hold"


def test_slow_imports_hold() -> None:
    slow = judged(outcomes(30, took=700, chunks=None))
    assert slow.sentence == (
        "Hold: half of the imports end within 11 min 40 s (at most 10 min), 0.0 % take over "
        "30 min (less than 10 %)."
    )
    some = [*outcomes(27), *outcomes(2, took=1900), outcome("extracting", at=-1900, decided_at=after(1))]
    assert judged(some).kind == "hold", "one at work has taken long too"
    assert signal(judged(some), "times").figures["long"] == 0.1
    assert judged([*some, *outcomes(4)]).kind == "pass"


def spread_out(n: int, middle: float, what: str, **fields: Any) -> list[Outcome]:
    """Runs whose figure of a chunk lies around the middle, none like another."""
    values = [middle * (0.8 + 0.4 * i / n) for i in range(n)]
    if what == "seconds":
        return [outcome(seconds=10 * value, **fields) for value in values]
    if what == "cost":
        return [outcome(cost=10 * value, **fields) for value in values]
    return [outcome(coverage=min(1.0, value), **fields) for value in values]


@pytest.mark.parametrize("against", ["v1", "before"])
@pytest.mark.parametrize("what", ["seconds", "cost"])
def test_slower_or_dearer_chunks_hold(what: str, against: str) -> None:
    other = spread_out(40, 1.0, what, lane="v1" if against == "v1" else "v2")
    for middle, kind in [(1.6, "hold"), (1.2, "pass"), (1.0, "pass"), (0.5, "pass")]:
        own = spread_out(40, middle, what)
        verdict = judged([*own, *other]) if against == "v1" else judged(own, other)
        assert (verdict.kind, signal(verdict, f"{what}_against_{against}").kind) == (kind, kind)


def test_a_comparison_is_told_in_one_sentence() -> None:
    verdict = judged(spread_out(30, 2.0, "seconds"), spread_out(25, 1.0, "seconds"))
    assert verdict.sentence == (
        "Hold: seconds per chunk 1.99 s of 30 against 0.992 s of 25 in the step before: 2 times, "
        "p below 0.0001 (less than 1.25 times, or p at least 0.01)."
    )
    lower = judged(outcomes(30, coverage=0.95), outcomes(30, coverage=0.985))
    assert lower.sentence == (
        "Hold: coverage 95.0 % of 30 against 98.5 % of 30 in the step before: 3.5 points lower, "
        "p below 0.0001 (less than 1 point lower, or p at least 0.01)."
    )


@pytest.mark.parametrize(
    ("coverage", "kind"), [(0.985, "hold"), (0.99, "hold"), (0.995, "pass"), (1.0, "pass")]
)
def test_a_point_less_coverage_holds(coverage: float, kind: str) -> None:
    assert judged(outcomes(30, coverage=coverage), outcomes(30)).kind == kind


def test_what_the_cache_answered_is_neither_quick_nor_slow() -> None:
    own = outcomes(30, took=40, chunks=100, cached=99)
    before = outcomes(30, took=40, chunks=100)
    verdict = judged(own, before)
    assert verdict.kind == "pass"
    assert not [each for each in verdict.signals if each.name.startswith(("seconds", "cost"))]
    half = judged(outcomes(30, took=20, chunks=100, cached=50), before)
    assert signal(half, "seconds_against_before").figures["median"] == 0.4


def test_a_model_that_costs_nothing_is_not_dearer() -> None:
    assert judged(outcomes(30, cost=0.0), outcomes(30, cost=0.0)).kind == "pass"
    assert judged(outcomes(30, cost=0.1), outcomes(30, cost=0.0)).kind == "hold"


def test_failures_where_none_were_hold() -> None:
    before = outcomes(98, 2)
    verdict = judged([*outcomes(98), outcome("failed", at=300, failed_at="writer")], before)
    assert verdict.sentence == "Hold: 1 run at writer failed, where none did in the step before."
    assert judged(outcomes(98, 2), before).kind == "pass"
    assert judged(outcomes(98, 2), before[:10]).kind == "pass", "too few to know"


def test_a_policy_that_is_rolled_back_is_held_and_not_rolled_back_again() -> None:
    under = policy(share=0, passthrough=True, frozen=True)
    verdict = judged(outcomes(0, 50), under=under)
    assert verdict.kind == "hold"
    assert "frozen since a rollback" in verdict.sentence
    assert judged(outcomes(0, 50), under=policy(frozen=True)).kind == "rollback", "runs still go to v2"


NONSENSE: list[dict[str, Any]] = [
    {"success": "high"},
    {"alpha": 7},
    {"stuck_seconds": -1},
    {"failure_rate_bad": 0},
    {"no such": 1},
    {"enough": None},
    {"shares": {"10": 1}},
]


@pytest.mark.parametrize("thresholds", NONSENSE)
def test_nonsense_in_the_row_holds_and_rolls_nothing_back(thresholds: dict[str, Any]) -> None:
    wrong = policy(thresholds=thresholds)
    well = judged(outcomes(97, 3), under=wrong)
    assert well.kind == "hold"
    assert well.signals[0].name == "thresholds"
    assert next(iter(thresholds)) in well.sentence
    assert judged(outcomes(0, 7), under=wrong).kind == "rollback", "nor does it keep failures from it"


def test_a_policy_says_what_is_asked_of_a_lane() -> None:
    assert judged(outcomes(90, 10), under=policy(thresholds={"success": 0.9})).kind == "pass"
    assert judged(outcomes(3), under=policy(thresholds={"enough": 3})).kind == "pass"
    assert judged(outcomes(3), enough=3).kind == "pass"


def test_a_clock_that_is_an_hour_off_changes_nothing() -> None:
    since = [*outcomes(40, 3), *(outcome("extracting", at=590, took=0) for _ in range(30))]
    verdicts = [judge(policy(), since, (), NOW + timedelta(hours=hours), None) for hours in (-9, -1, 0, 1)]
    assert all(each.signals == verdicts[0].signals for each in verdicts)


def test_a_verdict_is_json() -> None:
    verdict = judged([*outcomes(30, 2), *outcomes(30, lane="v1")], outcomes(30))
    told = json.loads(json.dumps(verdict.as_json()))
    assert told["kind"] == verdict.kind
    assert [each["lane"] for each in told["lanes"]] == ["v1", "v2"]
    assert {each["kind"] for each in told["signals"]} <= {"rollback", "hold", "inconclusive", "pass"}
    assert told["sentence"] == verdict.sentence
