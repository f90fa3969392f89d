"""The languages that were not read are named."""

from __future__ import annotations

from shared.domain.sample import SampleConversation
from shared.english.foreign import OTHER, foreign_languages


def test_languages_are_counted_by_conversation_the_commonest_first() -> None:
    finnish = "Asun Tampereella ja työskentelen sairaanhoitajana."
    indonesian = "Saya tinggal di Bandung dan bekerja sebagai guru."
    lines = [indonesian, finnish, finnish, "I live in Porto and I work as a cook."]
    assert foreign_languages(sample(*lines)) == {"Finnish": 2, "Indonesian": 1}
    assert foreign_languages([]) == {}


def test_what_is_rare_may_be_a_mistake_and_is_not_named() -> None:
    odd = "Mi loĝas en Parizo kaj laboras kiel instruisto."
    many = ["Asun Tampereella ja työskentelen sairaanhoitajana."] * 40
    assert foreign_languages(sample(odd, *many)) == {"Finnish": 40, OTHER: 1}


def sample(*lines: str) -> list[SampleConversation]:
    return [SampleConversation(f"c{at}", "", None, 1, (line,)) for at, line in enumerate(lines)]
