"""What is the person's own, wherever in a message it stands."""

from __future__ import annotations

import pytest

from shared.english.plain import fold
from shared.english.regions import own_words
from shared.english.spotting import LOOK_BACK
from tests.exports.plants import FACTS

ASKED = (
    "Is there a way to smooth thistledown, elsewhere or anywhere, in weather like yesterday's?",
    "Should anthems be heartfelt, thesis-like, or therefore unfollowing?",
)
"""Questions in whose words others end that point at a text: "here", "this", "following"."""


@pytest.mark.parametrize("question", ASKED)
def test_where_a_window_begins_no_part_of_a_word_points_at_a_text(question: str) -> None:
    fact = fold(FACTS[0].format(n="Rex"))
    for more in range(LOOK_BACK + len(question)):
        text = f"{question} {'a' * more}\n\n{fact}"
        assert own_words(text).endswith(fact), more


@pytest.mark.parametrize("pointing", ["Is this spam?", "What is meant here?", "Look at the following."])
def test_a_word_that_does_is_seen_at_any_distance_within_the_window(pointing: str) -> None:
    for more in range(LOOK_BACK - len(pointing)):
        text = f"{pointing.lower()} {'a' * more}\n\ni live in leeds."
        assert not own_words(text).endswith("leeds."), more
