"""Words around numbers and names, as every message says them."""

from __future__ import annotations

from collections.abc import Sequence


def plural(count: int, one: str, more: str) -> str:
    """The word or words that go with a count."""
    return one if count == 1 else more


def counted(count: int, one: str, more: str = "") -> str:
    """`1 chunk`, `2 chunks`; `more` where an s does not make it."""
    return f"{count:,} {plural(count, one, more or f'{one}s')}"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
