"""Lanes side by side, and v1 beside its shadow."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from services.router.judging.comparison import compare_lanes, compare_pairs
from services.router.judging.words import chance, figure, limit, percent, share_of, span
from tests.unit.router.building import made, outcome, outcomes, pair, pairs


def test_lanes_stand_side_by_side() -> None:
    ours = [
        *outcomes(18, 2, took=40),
        outcome("extracting"),
        outcome("extracting", was_stuck=True),
        outcome("failed", at_fault=True),
    ]
    v1, v2 = compare_lanes([*ours, *outcomes(10, took=5, lane="v1", chunks=None, cost=0.001, coverage=None)])
    assert (v1.lane, v1.ended, v1.success, v1.seconds_p50, v1.coverage) == ("v1", 10, 1.0, 5.0, None)
    assert v1.cost_per_1000 == pytest.approx(0.01)
    assert (v2.lane, v2.decided, v2.left_out, v2.under_way, v2.stuck) == ("v2", 23, 1, 1, 1)
    assert (v2.ended, v2.complete, v2.success) == (20, 18, 0.9)
    assert (v2.success_low, v2.success_high) == pytest.approx((0.699, 0.972), abs=1e-3)
    assert v2.failed_at == {"extractor": 2}
    assert v2.cost_per_1000 == pytest.approx(0.2)
    assert json.loads(json.dumps(asdict(v2)))["seconds_p95"] == 40.0


def test_v1_stands_there_without_runs_too() -> None:
    [v1] = compare_lanes([])
    assert (v1.lane, v1.ended, v1.success, v1.seconds_p50) == ("v1", 0, None, None)
    assert (v1.success_low, v1.success_high) == (0.0, 1.0)


def test_what_lived_on_the_cache_does_not_make_a_lane_cheap() -> None:
    [_, v2] = compare_lanes([*outcomes(10), *outcomes(10, cached=9, cost=0.0)])
    assert v2.cost_per_1000 == pytest.approx(0.2)


def test_pairs_are_summed_up() -> None:
    both = [pair(made(facts=0, sections=5, tokens=1000), made(facts=f, sections=s, tokens=2000)) for f, s in
            [(30, 5), (40, 5), (50, 4)]]  # fmt: skip
    found = compare_pairs(
        [*both, *pairs([("complete", "failed"), ("failed", "complete"), ("failed", "failed")])]
    )
    assert (found.pairs, found.both_complete, found.only_v1, found.only_shadow, found.neither) == (
        6,
        3,
        1,
        1,
        1,
    )
    assert found.agree == pytest.approx(4 / 6)
    assert found.shadow_success == 0.8, "where neither is complete the export may be at fault"
    facts, sections = found.figures["facts"], found.figures["sections"]
    assert (facts.v1, facts.shadow, facts.shadow_more) == (0, 40, 3)
    assert (sections.shadow_more, sections.equal, sections.shadow_less) == (0, 2, 1)
    assert found.fewer_sections == (str(both[2].import_id),)
    assert len(found.failed_in_shadow) == 1
    assert json.loads(json.dumps(found.as_json()))["figures"]["tokens"]["shadow"] == 2000


def test_a_figure_that_one_has_not_is_left_out() -> None:
    found = compare_pairs([pair(made(coverage=None), made(coverage=0.9))])
    assert found.figures["coverage"].v1 is None
    assert compare_pairs([]).shadow_success is None


def test_figures_are_said_as_people_say_them() -> None:
    assert [percent(x) for x in (0.913, 1.0, 0.0, 0.99999, 0.00001)] == [
        "91.3 %",
        "100.0 %",
        "0.0 %",
        "99.9 %",
        "0.1 %",
    ]
    assert (limit(0.95), limit(0.1), limit(0.07)) == ("95 %", "10 %", "7 %")
    assert (share_of(1000), share_of(1250), share_of(1), share_of(10_000)) == (
        "10 %",
        "12.5 %",
        "0.01 %",
        "100 %",
    )
    assert [span(s) for s in (-1, 0, 2.44, 59, 60, 90, 3600, 7322, 86_400, 108_000, 7 * 86_400)] == [
        "0 s",
        "0 s",
        "2.4 s",
        "59 s",
        "1 min",
        "1 min 30 s",
        "1 h",
        "2 h 2 min",
        "1 d",
        "1 d 6 h",
        "7 d",
    ]
    assert (figure(0.001234), figure(1.5833), figure(12_345.6)) == ("0.00123", "1.58", "12,346")
    assert (chance(0.00001), chance(0.00341)) == ("below 0.0001", "0.0034")
