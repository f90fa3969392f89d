"""Telling English from evidently other languages."""

from __future__ import annotations

from collections import defaultdict

import pytest

from shared.english.language import ENGLISH, conversation_language, is_english, language_of
from tests.support.labelled import languages

MISSES = {
    "napis mi prosim kratky dopis pro sefa",
    "Hur bakar man gott bröd?",
    "Jak upiec dobry chleb?",
    "A kutya a házban is van.",
    "python ile dosya nasil okunur",
    "j'ai deux chats",
    "napisz krotki list do mojego szefa",
    "Kerro minulle vitsi",
    "halo, bulan depan saya pindah ke Surabaya",
}
"""Of 198 lines of other languages: those that pass for English. By word lists of eleven languages, as it was
told before, 119 did."""
REFUSED = {
    "Chicken tikka masala, pad thai, pho, ramen",
    "lorem ipsum dolor sit amet",
    "meeting w/ Jörg @ 3pm re: Q3 budget",
    "rust borrow checker error E0502",
    "pros cons remote vs hybrid",
    "npx create-react-app my-app",
}
"""Of 200 short or odd lines in English: those that pass for another language. None says "I"."""
LISTS = {
    "Vitamin D dosage",
    "croissant lamination temps",
    "Priya & Arjun wedding toast",
    "Grüezi from Zürich!",
}
"""English conversations of three such lines that pass for another language begin with these."""


def test_the_labelled_lines() -> None:
    rows = languages()
    assert {row["text"] for row in rows if row["language"] != ENGLISH and is_english(row["text"])} == MISSES
    assert {
        row["text"] for row in rows if row["language"] == ENGLISH and not is_english(row["text"])
    } == REFUSED


def test_the_labelled_set_is_broad() -> None:
    rows = languages()
    assert len({row["language"] for row in rows}) >= 50
    assert sum(row["language"] != ENGLISH for row in rows) >= 190
    assert sum(row["language"] == ENGLISH for row in rows) >= 190


def test_several_lines_of_one_language_leave_no_doubt() -> None:
    said: dict[str, list[str]] = defaultdict(list)
    for row in languages():
        said[row["language"]].append(row["text"])
    conversations = [
        (language, lines[at : at + 3])
        for language, lines in said.items()
        for at in range(0, len(lines) - 2, 3)
    ]
    wrong = {
        lines[0]
        for language, lines in conversations
        if (conversation_language(lines) == ENGLISH) != (language == ENGLISH)
    }
    assert len(conversations) > 100
    assert wrong == LISTS


def test_each_line_says_which_language_it_is() -> None:
    for text, language in (
        ("Asun Tampereella ja työskentelen sairaanhoitajana.", "fi"),
        ("Saya tinggal di Bandung dan bekerja sebagai guru.", "id"),
        ("Я живу в Казани и работаю учителем.", "ru"),
        ("私は京都に住んでいます", "ja"),
    ):
        assert language_of(text) == language
    assert language_of("ᚠᛇᚻ᛫ᛒᛦᚦ᛫ᚠᚱᚩᚠᚢᚱ᛫ᚠᛁᚱᚪ") != ENGLISH


def test_what_is_pasted_does_not_outweigh_what_is_said() -> None:
    pasted = "translate this: Asun Tampereella ja työskentelen sairaanhoitajana keskussairaalassa. " * 5
    assert conversation_language([pasted]) == "fi"
    assert conversation_language([pasted, "My name is Ann and I live in Leeds."]) == ENGLISH
    assert conversation_language([pasted, "ok"]) == "fi"


@pytest.mark.parametrize(
    "text",
    ["", "ok", "Sevilla", "\n\n", "🙂", "\ud800 I live here with my dog",
        "Explain the tides near the coast.", "I live in São Paulo, é bom", "x = 5", "naïve café résumé",
     "Die hard is my favourite film and I watch it on Christmas", "1 2 3 4 5 6"],
)  # fmt: skip
def test_english_or_unclear(text: str) -> None:
    assert is_english(text)


@pytest.mark.parametrize(
    "text",
    ["Vivo en Sevilla y trabajo como profesora de música.", "Ich wohne in Graz und arbeite als Tischler.",
     "Я живу в Казани", "私は京都に住んでいます", "أنا أعيش في عمّان", "Mieszkam w Krakowie i nie jem mięsa.",
     "Je m'appelle Camille et j'habite à Lyon depuis trois ans.", "\ud800 Asun Tampereella ja olen opettaja"],
)  # fmt: skip
def test_evidently_other(text: str) -> None:
    assert not is_english(text)
