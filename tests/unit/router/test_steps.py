"""Where a rollout stands, what is missing, and who goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.router.judging.comparison import PairFigures, compare_pairs
from services.router.judging.steps import Standing, span_before, standing, step_of
from services.router.judging.thresholds import Thresholds
from services.router.judging.verdict import judge
from shared.store.routing import LegacyCalls, Outcome, Policy, PolicyVersion
from tests.unit.router.building import ENTERED, after, outcome, outcomes, pairs, policy

HOUR, DAY = 3600.0, 86_400.0
WELL = outcomes(50)


def stands(
    under: Policy,
    now: datetime,
    since: Sequence[Outcome] = WELL,
    *,
    shadow: PairFigures | None = None,
    calls: Sequence[LegacyCalls] = (),
    **thresholds: Any,
) -> Standing:
    given = Thresholds.of(thresholds)
    verdict = judge(under, since, (), now, given)
    return standing(under, verdict, since, now, given, shadow=shadow, calls=calls)


@pytest.mark.parametrize(
    ("share", "name", "then"),
    [
        (0, "before the first step", None),
        (500, "before the first step", 1000),
        (1000, "10 %", 5000),
        (2500, "10 %", 5000),
        (5000, "50 %", 10_000),
        (9999, "50 %", 10_000),
        (10_000, "100 %", None),
    ],
)
def test_a_share_between_two_steps_is_the_lower_one(share: int, name: str, then: int | None) -> None:
    stand = stands(policy(share=share), after(30 * DAY))
    assert (stand.step.name, stand.next.share) == (name, then)


def test_a_step_lasts_its_time() -> None:
    early = stands(policy(), after(14 * HOUR))
    assert early.missing == ("10 h of 1 d have yet to pass",)
    assert not early.promote
    assert early.sentence == "10 %, for 14 h. Before the next step: 10 h of 1 d have yet to pass."
    due = stands(policy(), after(DAY))
    assert (due.missing, due.promote, due.next.share) == ((), True, 5000)
    assert due.sentence == "10 %, for 1 d. The leader goes on by itself: `canary set 50`."


def test_by_hand_it_is_only_said_that_the_next_step_is_allowed() -> None:
    stand = stands(policy(mode="manual"), after(2 * DAY))
    assert (stand.allowed, stand.promote) == (True, False)
    assert stand.sentence == "10 %, for 2 d. The next step is allowed: `canary set 50`."


@pytest.mark.parametrize(
    ("since", "said"),
    [
        (outcomes(45, 5), "success 90.0 % of 50 (at least 95 %)"),
        (outcomes(3), "3 ended (at least 20 are needed)"),
        (
            [*WELL, outcome("extracting", was_stuck=True)],
            "1 run is stuck, without an end 2 h after it was begun",
        ),
        (outcomes(0, 9), "7 of 7 failed: log ratio 7.69"),
    ],
)
def test_nothing_but_a_pass_goes_on(since: Sequence[Outcome], said: str) -> None:
    stand = stands(policy(), after(3 * DAY), since)
    assert not stand.promote
    assert stand.missing[0].startswith(said)


def test_nonsense_in_the_row_goes_nowhere() -> None:
    wrong = policy(thresholds={"step_seconds": [0]})
    verdict = judge(wrong, WELL, (), after(9 * DAY))
    stand = standing(wrong, verdict, WELL, after(9 * DAY), Thresholds())
    assert not stand.promote
    assert "3 shares and 1 step_seconds" in stand.missing[0]


def test_before_a_step_was_entered_none_of_its_time_has_passed() -> None:
    stand = stands(policy(), ENTERED - timedelta(hours=1))
    assert stand.lasted_seconds == 0
    assert stand.missing == ("1 d of 1 d have yet to pass",)


def test_the_first_step_is_a_persons_after_a_day_of_shadow() -> None:
    shadowed = policy(share=0, shadow=1000)
    few = stands(shadowed, after(DAY), [])
    assert few.step.name == "shadow at 10 %"
    assert few.missing == ("0 shadow runs ended (at least 20 are needed)",)
    bad = compare_pairs(pairs([("complete", "complete")] * 45 + [("complete", "failed")] * 5))
    assert stands(shadowed, after(DAY), [], shadow=bad).missing == (
        "success in shadow 90.0 % of 50 (at least 95 %)",
    )
    good = compare_pairs(pairs([("complete", "complete")] * 45 + [("failed", "failed")] * 5))
    stand = stands(shadowed, after(DAY), [], shadow=good)
    assert (stand.missing, stand.promote, stand.next.by_leader) == ((), False, False)
    assert stand.next.sentence == "read `canary compare`, then `canary set 10`"


def test_after_a_rollback_a_person_goes_on() -> None:
    stand = stands(policy(share=0, passthrough=True, frozen=True), after(9 * DAY))
    assert (
        stand.sentence == "rolled back, for 9 d. Next: mend the cause, `canary thaw`, then from 10 % again."
    )
    assert not stand.promote
    thawed = stands(policy(share=0, passthrough=True), after(9 * DAY))
    assert (thawed.step.name, thawed.next.kind, thawed.promote) == ("passthrough", "passthrough off", False)
    assert stands(policy(share=0), after(DAY)).next.sentence == "`canary shadow 10`: runs beside v1"


def each_day(days: int, bad_on: int | None = None) -> list[Outcome]:
    """A hundred imports a day, all well but for a tenth on one day."""
    return [
        outcome("failed" if day == bad_on and n % 10 == 0 else "complete", at=day * DAY + n * 60)
        for day in range(days)
        for n in range(100)
    ]


def test_the_whole_is_looked_at_day_by_day_for_a_week() -> None:
    whole = policy(share=10_000)
    well = stands(whole, after(7 * DAY), each_day(7))
    assert (well.missing, well.promote, well.next.kind) == ((), True, "deprecate")
    assert stands(whole, after(6.5 * DAY), each_day(6)).missing == ("12 h of 7 d have yet to pass",)
    one_bad_day = stands(whole, after(7 * DAY), each_day(7, bad_on=2))
    assert one_bad_day.missing == ("success 90.0 % of 100 (at least 95 %) in day 3 of this step",)


def test_v1_has_to_be_empty_for_a_day() -> None:
    whole = policy(share=10_000)
    in_v1 = [outcome(lane="v1", reason="override", at=6.5 * DAY), outcome(lane="v1", at=DAY)]
    stand = stands(whole, after(7 * DAY), [*each_day(7), *in_v1])
    assert stand.missing == ("1 import went to v1 in the last 1 d (none may)",)
    assert stands(whole, after(8 * DAY), [*each_day(7), *in_v1]).promote


def called(at: float, user: int = 1, route: str = "/process-full") -> LegacyCalls:
    return LegacyCalls(route=route, user_id=UUID(int=user), calls=3, first_at=after(0), last_at=after(at))


def test_what_is_announced_ends_when_nobody_calls_it() -> None:
    announced = policy(share=10_000, deprecated_at=after(7 * DAY), sunset_at=after(14 * DAY))
    early = stands(announced, after(8 * DAY))
    assert early.step.name == "announced"
    assert early.missing == (
        "6 d of 7 d have yet to pass",
        "it was announced to answer until 2026-03-16 09:00 UTC",
    )
    due = stands(announced, after(14 * DAY), calls=[called(6 * DAY), called(13 * DAY, route="/import-full")])
    assert (due.missing, due.promote, due.next.kind) == ((), False, "gone")
    assert due.sentence.endswith("deploy with V1_ROUTE=gone: POST /process-full answers 410.")
    late = stands(
        announced, after(14 * DAY), calls=[called(6 * DAY), called(13 * DAY), called(12 * DAY, user=2)]
    )
    assert late.missing == (
        "2 users have called POST /process-full in the last 7 d, "
        "the latest at 2026-03-15 09:00 UTC (none may)",
    )


def test_an_announcement_of_what_is_to_come_has_not_lasted() -> None:
    ahead = policy(share=10_000, deprecated_at=after(30 * DAY))
    assert stands(ahead, after(20 * DAY)).lasted_seconds == 0
    half = policy(share=5000, deprecated_at=after(-DAY))
    assert step_of(half, Thresholds()).name == "50 %", "what is announced makes no share whole"


def test_times_and_shares_are_the_policys() -> None:
    quick = {"shares": [2000, 10_000], "step_seconds": [3, 5]}
    stand = stands(policy(share=2000), after(3), **quick)
    assert (stand.step.name, stand.next.share, stand.promote) == ("20 %", 10_000, True)


def version(number: int, at: float, **fields: Any) -> PolicyVersion:
    of = policy(version=number, entered_at=after(at), **fields)
    return PolicyVersion(version=number, policy=of, changed_by="", changed_at=after(at), reason="")


def test_the_step_before_is_the_last_that_was_not_called_back() -> None:
    ten, fifty = version(2, 0, share=1000), version(3, DAY, share=5000)
    tuned = version(4, DAY, share=5000, thresholds={"enough": 5})
    back = version(5, 2 * DAY, share=0, passthrough=True, frozen=True)
    thawed = version(6, 2 * DAY, share=0, passthrough=True)
    again = version(7, 3 * DAY, share=1000)
    first = version(1, -DAY, share=0)
    assert span_before([tuned, fifty, ten, first], tuned.policy) == (after(0), after(DAY))
    history = [again, thawed, back, tuned, fifty, ten, first]
    assert span_before(history, again.policy) == (after(0), after(DAY))
    assert span_before([first, ten], ten.policy) is None
    assert span_before([], ten.policy) is None


def test_a_standing_is_json() -> None:
    told = json.loads(json.dumps(stands(policy(), after(HOUR)).as_json()))
    assert told["step"] == {"place": "share", "name": "10 %", "share": 1000, "lasts_seconds": DAY}
    assert told["allowed"] is False
    assert told["since"] == "2026-03-02T09:00:00+00:00"
