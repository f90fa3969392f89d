"""A bar: what became of a lane's runs, at a glance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.router.judging.comparison import LaneFigures

Paint = Callable[[str, str], str]
"""(text, colour): the text as a terminal has it. `plain` where there is none."""
PARTS = (
    ("█", "complete", "green"),
    ("▒", "under way", "cyan"),
    ("!", "stuck", "yellow"),
    ("x", "failed", "red"),
)


def plain(text: str, _: str) -> str:
    """Without colour."""
    return text


def parts_of(lane: LaneFigures) -> tuple[int, int, int, int]:
    """How many runs are in each of PARTS."""
    return lane.complete, lane.under_way, lane.stuck, lane.ended - lane.complete


def bar(counts: Sequence[int], width: int, paint: Paint = plain) -> str:
    """`counts` of PARTS in `width` characters. What there is has one at least: one failure of a thousand is
    seen. Of nothing: dots."""
    total = sum(counts)
    if not total:
        return "·" * width
    cells = _cells(counts, width)
    return "".join(
        paint(sign * count, colour) for (sign, _, colour), count in zip(PARTS, cells, strict=True) if count
    )


def legend(counts: Sequence[int]) -> str:
    """The same in words: `41 complete, 1 failed`."""
    return (
        ", ".join(f"{count:,} {name}" for (_, name, _), count in zip(PARTS, counts, strict=True) if count)
        or "no run yet"
    )


def _cells(counts: Sequence[int], width: int) -> list[int]:
    total = sum(counts)
    cells = [max(1, round(width * count / total)) if count else 0 for count in counts]
    largest = cells.index(max(cells))
    cells[largest] += width - sum(cells)  # there are fewer parts than half of any width
    return cells
