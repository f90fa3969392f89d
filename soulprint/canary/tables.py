"""Figures side by side: a line a lane, or a line a figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.router.judging.comparison import Beside, LaneFigures, PairFigures
from services.router.judging.words import figure, percent, span
from shared.domain.printable import unbroken

NARROWEST, WIDEST = 60, 120
ROOMY = 80
"""From so many columns on, everything has room."""
INDENT = "  "
LABEL = 6
"""Characters of a lane's name."""
_COLUMNS = ("ended", "success", "95 % bounds", "stuck", "p50", "p95", "coverage", "$/1,000")
_LEFT_OUT = ("95 % bounds", "$/1,000", "p95")
"""Where a terminal is too narrow, in this order."""


def lanes_table(lanes: Iterable[LaneFigures], width: int) -> list[str]:
    """The lanes side by side, a line each below their names; with the columns for which there is room."""
    rows = [(unbroken(each.lane), _cells(each)) for each in lanes]
    columns = list(_COLUMNS)
    for spare in (*_LEFT_OUT, None):
        sizes = [max(len(name), *(len(cells[name]) for _, cells in rows)) for name in columns]
        if spare is None or LABEL + sum(sizes) + len(INDENT) * (len(sizes) - 1) <= width:
            break
        columns.remove(spare)

    def line(label: str, cells: Mapping[str, str]) -> str:
        joined = INDENT.join(f"{cells[name]:>{size}}" for name, size in zip(columns, sizes, strict=True))
        return f"{label:<{LABEL}}{joined}"

    return [line("lane", {name: name for name in columns}), *(line(lane, cells) for lane, cells in rows)]


def _cells(lane: LaneFigures) -> dict[str, str]:
    return {
        "ended": f"{lane.ended:,}",
        "success": "-" if lane.success is None else percent(lane.success),
        "95 % bounds": "-"
        if not lane.ended
        else f"{percent(lane.success_low)} - {percent(lane.success_high)}",
        "stuck": f"{lane.stuck:,}",
        "p50": "-" if lane.seconds_p50 is None else span(lane.seconds_p50),
        "p95": "-" if lane.seconds_p95 is None else span(lane.seconds_p95),
        "coverage": "-" if lane.coverage is None else percent(lane.coverage),
        "$/1,000": "-" if lane.cost_per_1000 is None else f"{lane.cost_per_1000:,.2f}",
    }


def pairs_table(pairs: PairFigures, names: tuple[str, str] = ("v1", "shadow")) -> list[str]:
    """What v1 and the shadow runs made, a line a figure: medians, and in how many pairs which has more."""
    rows = [("", *names, "more / equal / less")]
    for name, each in pairs.figures.items():
        one, other = (_figure(name, value) for value in (each.v1, each.shadow))
        rows.append((name.replace("_", " "), one, other, _compared(each)))
    sizes = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{label:<{sizes[0]}}  {one:>{sizes[1]}}  {other:>{sizes[2]}}  {how:>{sizes[3]}}"
        for label, one, other, how in rows
    ]


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name == "cost":
        return f"${value:,.4f}"
    if name == "coverage":
        return percent(value)
    return span(value) if name == "seconds" else figure(value)


def _compared(each: Beside) -> str:
    return f"{each.shadow_more:,} / {each.equal:,} / {each.shadow_less:,}"
