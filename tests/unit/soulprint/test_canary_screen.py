"""What `soulprint canary show` shows, on any terminal and of any policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid5

import pytest

from services.router.judging.steps import standing
from services.router.judging.thresholds import thresholds_of
from services.router.judging.verdict import judge
from shared.store.routing import InFlight, Outcome, Override, Policy, PolicyVersion
from soulprint.canary.screen import Seen, screen
from tests.support.records import ANNA, SEED

ENTERED = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)
NOW = ENTERED + timedelta(hours=3)


def policy_of(**fields: Any) -> Policy:
    given: dict[str, Any] = {
        "version": 7, "mode": "manual", "share": 1000, "shadow": 0, "passthrough": False, "frozen": False,
        "salt": "canary", "entered_at": ENTERED, "changed_by": "ana", "changed_at": ENTERED,
        "reason": "first step",
    }  # fmt: skip
    return Policy(**(given | fields))


def outcome(n: int, lane: str = "v2", **fields: Any) -> Outcome:
    begun = ENTERED + timedelta(seconds=n)
    given: dict[str, Any] = {
        "import_id": uuid5(SEED, f"{lane} {n}"), "run": 1, "lane": lane, "reason": "share",
        "policy_version": 7,
        "decided_at": begun, "begun_at": begun, "state": "complete",
        "ended_at": begun + timedelta(seconds=90), "at_fault": False, "was_stuck": False,
        "seconds": 90.0, "chunks": 10, "cached": 0, "coverage": 1.0,
        "cost": 0.1, "conversations": 100,
    }  # fmt: skip
    return Outcome(**(given | fields))


RUNS = [
    *(outcome(n) for n in range(18)),
    outcome(18, state="failed", failed_at="extract", ended_at=ENTERED + timedelta(seconds=60)),
    outcome(19, state="extracting", ended_at=None, seconds=None),
    *(outcome(n, "v1") for n in range(40)),
]


def seen(policy: Policy, runs: list[Outcome] | None = None, **fields: Any) -> Seen:
    runs = RUNS if runs is None else runs
    thresholds, _ = thresholds_of(policy.thresholds)
    verdict = judge(policy, runs, (), NOW)
    was = PolicyVersion(
        version=policy.version - 1,
        policy=policy_of(version=policy.version - 1, share=0, shadow=1000, reason="look"),
        changed_by="ana", changed_at=ENTERED - timedelta(days=1), reason="look",
    )  # fmt: skip
    newest = PolicyVersion(
        version=policy.version, policy=policy, changed_by=policy.changed_by, changed_at=policy.changed_at,
        reason=policy.reason,
    )  # fmt: skip
    given: dict[str, Any] = {
        "policy": policy, "served": "v2", "verdict": verdict,
        "standing": standing(policy, verdict, runs, NOW, thresholds), "history": [newest, was],
        "overrides": [
            Override(user_id=ANNA, lane="v1", until=NOW, changed_by="ana", changed_at=ENTERED, reason="no")
        ],
        "in_flight": [
            InFlight(lane="v2", kind="primary", runs=3), InFlight(lane="v1", kind="fallback", runs=1),
        ],
        "names": {ANNA: "Anna"},
    }  # fmt: skip
    return Seen(**(given | fields))


def test_ops_see_the_step_the_lanes_what_is_missing_and_who_did_what() -> None:
    lines = screen(seen(policy_of()), 100)
    text = "\n".join(lines)
    assert lines[0] == "10 % of users go to v2, the others to v1"
    assert lines[1] == "step: 10 %, for 3 h of 1 d, since 2026-11-26 06:00:00 UTC"
    assert lines[2] == "policy 7; mode manual; shadow 0 %"
    (v1, v2) = [line.split() for line in lines if line.startswith(("v1 ", "v2 ")) and "%" in line]
    assert (v1[1:4], v2[1:4]) == (["40", "100.0", "%"], ["19", "94.7", "%"])
    assert any(
        line.startswith("v2") and "▒" in line and "x 18 complete, 1 under way, 1 failed" in line
        for line in lines
    )
    assert "Not enough to say: 19 ended (at least 20 are needed)." in text
    assert "  - 21 h of 1 d have yet to pass" in lines
    assert "next: `canary set 50`" in lines
    assert "in flight: v2 3, v1 1 fallback" in lines
    assert "overrides: Anna v1 until 2026-11-26 09:00:00 UTC" in lines
    assert "policy 7: share 0 % -> 10 %, shadow 10 % -> 0 %; by ana at 2026-11-26 06:00:00 UTC:" in text
    assert "policy 6" not in text, "it is there to tell 7 from"


POLICIES = {
    "rolled back": policy_of(share=0, frozen=True, passthrough=True, reason="x" * 500),
    "passthrough": policy_of(passthrough=True),
    "v1": policy_of(share=0),
    "shadow": policy_of(share=0, shadow=1000, mode="auto"),
    "whole": policy_of(share=10_000, deprecated_at=ENTERED, sunset_at=NOW + timedelta(days=30)),
    "by hand": policy_of(
        share=33, frozen=True, thresholds={"nonsense": "x" * 300}, changed_by="\x1b[31m", reason=""
    ),
    "a clock ahead": policy_of(entered_at=NOW + timedelta(hours=1)),
}


@pytest.mark.parametrize("width", [20, 60, 80, 100, 120, 300])
@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("runs", [RUNS, []], ids=["runs", "none"])
def test_every_policy_fits_every_terminal(policy: Policy, runs: list[Outcome], width: int) -> None:
    lines = screen(seen(policy, runs), width)
    assert max(map(len, lines)) <= max(60, min(120, width))
    assert all(line.isprintable() for line in lines), "nothing commands a terminal"
    for lane in ("v1", "v2"):
        assert sum(line.startswith(f"{lane} ") for line in lines) == 2, "figures and a bar"
    assert any(line.startswith("next: ") for line in lines)


def test_what_somebody_did_by_hand_is_told_where_it_serves_users() -> None:
    lines = screen(seen(POLICIES["by hand"]), 120)
    assert lines[0] == "frozen by hand: 0.33 % of users still go to v2: `canary rollback`"
    text = " ".join(" ".join(lines).split())
    assert "judged by those that stand without it" in text
    assert "no reason was given" in text


def test_colour_is_what_the_painter_makes_of_it() -> None:
    painted = screen(seen(policy_of()), 80, lambda text, colour: f"<{colour}>{text}</>")
    assert painted[0] == "<cyan>10 % of users go to v2, the others to v1</>"
    assert any("<red>x" in line for line in painted)
