"""A user's place among 10,000: as many below a share as it says, and nobody moved back when it is raised."""

from __future__ import annotations

from uuid import UUID, uuid5

import pytest

from services.router.buckets import bucket, shadow_bucket

SEED = UUID(int=1)
USERS = [uuid5(SEED, str(n)) for n in range(100_000)]
"""Fixed: of others one draw in some hundred lies further off."""
PLACES = [bucket("canary", user) for user in USERS]
POINTS = 0.3


def test_the_place_of_a_known_user() -> None:
    assert bucket("canary", UUID("11111111-1111-4111-8111-111111111111")) == 5128


@pytest.mark.parametrize("percent", [10, 50, 90])
def test_as_many_are_below_a_share_as_it_says(percent: int) -> None:
    below = sum(place < percent * 100 for place in PLACES)
    assert abs(100 * below / len(PLACES) - percent) < POINTS


def test_raising_the_share_moves_nobody_back() -> None:
    before: set[int] = set()
    for share in range(0, 10_001, 100):
        there = {n for n, place in enumerate(PLACES) if place < share}
        assert before <= there
        before = there
    assert len(before) == len(USERS)


def test_who_is_compared_says_nothing_of_who_is_moved() -> None:
    both = sum(
        place < 1000 and shadow_bucket("canary", user) < 1000
        for user, place in zip(USERS, PLACES, strict=True)
    )
    assert abs(100 * both / len(USERS) - 1) < POINTS
