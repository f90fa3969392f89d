"""Telling English from evidently other languages."""

from __future__ import annotations

import pytest

from shared.english.language import is_english


@pytest.mark.parametrize(
    "text",
    ["", "ok", "Sevilla",
        "Explain the tides near the coast.", "I live in São Paulo, é bom", "x = 5", "naïve café résumé",
     "Die hard is my favourite film and I watch it on Christmas", "1 2 3 4 5 6"],
)  # fmt: skip
def test_english_or_unclear(text: str) -> None:
    assert is_english(text)


@pytest.mark.parametrize(
    "text",
    ["Vivo en Sevilla y trabajo como profesora de música.", "Ich wohne in Graz und arbeite als Tischler.",
     "Я живу в Казани", "私は京都に住んでいます", "أنا أعيش في عمّان", "Mieszkam w Krakowie i nie jem mięsa.",
     "Je m'appelle Camille et j'habite à Lyon depuis trois ans."],
)  # fmt: skip
def test_evidently_other(text: str) -> None:
    assert not is_english(text)
