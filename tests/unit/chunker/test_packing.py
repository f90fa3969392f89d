"""Packing: the streamed packer does what the rule says, and a seam changes next to nothing."""

from __future__ import annotations

import random
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from services.chunker.packing import Packer

LIMIT = 4000
Item = tuple[str, int, int]
"""Name, size, priority of the gap before it."""


def streamed(items: list[Item], limit: int = LIMIT) -> list[tuple[str, ...]]:
    packer: Packer[str] = Packer(limit)
    pieces = [piece for name, size, gap in items for piece in packer.push(name, size, gap)]
    pieces += packer.flush()
    return [tuple(piece.items) for piece in pieces]


def by_the_rule(items: list[Item], limit: int = LIMIT) -> list[tuple[str, ...]]:
    """The rule applied to the whole list at once, as its docstring words it."""
    pieces = [([name], size) for name, size, _ in items]
    owner = list(range(len(items)))
    for place in sorted(range(1, len(items)), key=lambda index: items[index][2]):
        left, right = owner[place - 1], owner[place]
        if pieces[left][1] + pieces[right][1] <= limit:
            pieces[left] = (pieces[left][0] + pieces[right][0], pieces[left][1] + pieces[right][1])
            owner = [left if piece == right else piece for piece in owner]
    kept = sorted(set(owner), key=owner.index)
    return [tuple(pieces[piece][0]) for piece in kept]


items_strategy = st.lists(st.integers(1, 5000), max_size=60).flatmap(
    lambda sizes: st.permutations(range(len(sizes))).map(
        lambda gaps: [
            (str(place), size, gap) for place, (size, gap) in enumerate(zip(sizes, gaps, strict=True))
        ]
    )
)


@given(items_strategy)
def test_a_stream_is_packed_as_the_rule_says(items: list[Item]) -> None:
    assert streamed(items) == by_the_rule(items)


@given(items_strategy)
def test_nothing_is_lost_reordered_or_over_the_limit(items: list[Item]) -> None:
    pieces = streamed(items)
    assert [name for piece in pieces for name in piece] == [name for name, _, _ in items]
    sizes = {name: size for name, size, _ in items}
    for piece in pieces:
        assert len(piece) == 1 or sum(sizes[name] for name in piece) <= LIMIT


def history(seed: int, count: int, prefix: str) -> list[Item]:
    rng = random.Random(seed)
    names = [f"{prefix}-{seed}-{number}" for number in range(count)]
    return [(name, int(1050 * rng.lognormvariate(-0.12, 0.5)), crc32(name.encode())) for name in names]


def test_more_history_before_or_after_leaves_all_but_the_seam_alone() -> None:
    changed = []
    for seed in range(40):
        old, new = history(seed, 400, "old"), history(seed, 50, "new")
        before = set(streamed(old))
        for longer in (new + old, old + new):
            after = streamed(longer)
            changed.append(
                sum(piece not in before for piece in after if any("old" in name for name in piece))
            )
    assert max(changed) <= 3
    assert sum(count > 2 for count in changed) <= len(changed) * 0.05


def test_chunks_are_well_filled() -> None:
    items = history(1, 3000, "old")
    assert len(streamed(items)) <= 1.2 * sum(size for _, size, _ in items) / (LIMIT * 0.8)


def test_what_follows_a_flush_starts_anew() -> None:
    packer: Packer[str] = Packer(LIMIT)
    assert list(packer.push("a", 10, 5)) == []
    assert [piece.items for piece in packer.flush()] == [["a"]]
    assert list(packer.push("b", 10, 1)) == []
    assert [piece.items for piece in packer.flush()] == [["b"]]
    assert list(packer.flush()) == []
