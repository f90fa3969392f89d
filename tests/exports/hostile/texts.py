"""What a person may be made to say, in the messages, the titles and the ids of every format."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

from tests.exports.hostile.base import KIB, MIB, Case, case, chat, js, repeated
from tests.exports.hostile.forms import FORMS
from tests.exports.hostile.units import UNITS


def _in_messages(form: str, unit: str, _: Random, size: int) -> bytes:
    text = "I keep bees in Ghent. " + repeated(unit, size) + " I work as a nurse."
    return FORMS[form][1]([text, repeated(unit, size // 4) or "x", "I love trains.", "Noted."])


def _in_titles_and_ids(unit: str, _: Random, size: int) -> bytes:
    texts = [
        chat(
            f"{n} {repeated(unit, 150)}"[:200],
            "I live in Ghent.",
            title=f"{n} " + repeated(unit, max(10, size // 4)),
        )
        for n in range(4)
    ]
    return js(texts)


def _in_words_of_many(unit: str, _: Random, size: int) -> bytes:
    """The unit between the claims of many conversations, for what comes behind the reading."""
    part = repeated(unit, 200)
    return js(
        [chat(f"c{n}", f"I love {part} and I live in {part}.", part) for n in range(max(1, size // 700))]
    )


def drawn(random: Random) -> Iterator[Case]:
    """Every unit in every place, in an order by chance; each form comes round before one comes again."""
    forms = list(FORMS)
    random.shuffle(forms)
    units = list(UNITS)
    while True:
        random.shuffle(units)
        for number, name in enumerate(units):
            form = forms[number % len(forms)]
            suffix = FORMS[form][0]
            full = random.choice((16 * KIB, 64 * KIB, 64 * KIB, 256 * KIB, MIB))
            yield Case("texts", f"{name}-in-{form}", suffix, full, partial(_in_messages, form, UNITS[name]))
            if number % 6 == 0:
                yield Case("titles", name, ".json", 16 * KIB, partial(_in_titles_and_ids, UNITS[name]))
            if number % 6 == 3:
                made = partial(_in_words_of_many, UNITS[name])
                yield Case("claims", name, ".json", 64 * KIB, made)
        random.shuffle(forms)


@case("texts", ".json", MIB)
def without_a_space(random: Random, size: int) -> bytes:
    letters = "".join(random.choice("abcdefghijklmnopqrstuvwxyz.,!?") for _ in range(size))
    return js([chat("c", "I am Ana. " + letters, letters, "I run.")])


@case("texts", ".json", MIB)
def of_all_units(random: Random, size: int) -> bytes:
    names = list(UNITS.values())
    told = [repeated(random.choice(names), random.randrange(1, 60)) for _ in range(size // 40)]
    return js([chat("c", "I am Ana. " + "".join(told), "".join(reversed(told)), "I run.")])
