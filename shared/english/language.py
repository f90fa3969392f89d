"""Which conversations are evidently not English: by script, else by the most common little words."""

from __future__ import annotations

import re

from shared.english.words import words_of

SAMPLE_CHARS = 800
"""How much of a conversation is looked at."""

_WORD = re.compile(r"[^\W\d_]+")
_LATIN_END = 0x250
"""First code point after Latin Extended-B; letters above it are of another script."""

ENGLISH = words_of(
    "the and to of is that it for you with this have are was not be as at but what how can my i'm your "
    "from or an if will would do does me we they he she his her which when where there please about could "
    "should i on in don't im any who been had has so just like than then them"
)
FOREIGN = words_of(
    "de la el los las que y en un una por con para es mi del se lo como pero yo soy me vivo trabajo muy le "
    "les et une est je dans des du pour pas sur qui ce suis avec mon ma nous vous il elle au j'ai der die "
    "das und ich ist nicht ein eine mit zu auf für von den dem bin im wie aber wir sie kann mein o os as "
    "um uma não com eu meu minha sou moro em na no e ao mas como também il di che è sono per non ho una "
    "mio mia abito nel gli della ed anche mi ik het een en van niet dat met voor zijn ben mijn woon op te "
    "maar jag och att det som är på inte med för bor min en ett har i av till jeg og er ikke det til på "
    "bor mitt min nie jest się na w z do mam jak mieszkam jem mięsa ale ve bir bu için çok ile ne ben "
    "değil yaşıyorum seviyorum"
)
_ONLY_FOREIGN = FOREIGN - ENGLISH - {"i", "a", "im", "no", "on", "die", "me", "as", "in", "do", "ben", "ve"}
_SHORT = 4
"""Texts of fewer words say nothing about their language unless the script does."""


def is_english(text: str) -> bool:
    """False only if `text` is evidently in another language; short or unclear text counts as English."""
    sample = text[:SAMPLE_CHARS]
    if not sample.isascii() and _mostly_other_script(sample):
        return False
    words = sample.lower().replace("’", "'").split()
    if len(words) < _SHORT:
        return True
    foreign = sum(map(_ONLY_FOREIGN.__contains__, words))
    return foreign < 2 or foreign <= sum(map(ENGLISH.__contains__, words))


def _mostly_other_script(sample: str) -> bool:
    letters = "".join(_WORD.findall(sample))
    other = sum(ord(letter) >= _LATIN_END for letter in letters)
    return other * 2 > len(letters)
