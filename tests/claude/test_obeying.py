"""The worst model, and what finds its work: both must see what they are there to see."""

from __future__ import annotations

import pytest

import tests.support.worst.export  # noqa: F401 - it fills the table of carriers
from tests.support.chunks import chunk_of, said
from tests.support.fake_claude.fixtures import fake_claude, model_at
from tests.support.fake_claude.honest import honest_answers
from tests.support.fake_claude.obeying import WorstCase
from tests.support.labelled import labelled
from tests.support.worst.export import planted
from tests.support.worst.hidden import (
    HIDDEN,
    in_bits,
    in_selectors,
    in_tags,
    look_alike,
    spelt_apart,
    turned,
)
from tests.support.worst.orders import Orders, words_in
from tests.support.worst.person import ABOUT, WISHES, truths
from tests.support.worst.talks import CARRIERS

ORDER = Orders(5).next("order")


@pytest.mark.parametrize(
    "hidden",
    [
        ORDER.text,
        ORDER.text.upper(),
        ORDER.link,
        in_tags(ORDER.text),
        in_bits(ORDER.text),
        in_selectors(ORDER.text),
        turned(ORDER.text),
        look_alike(ORDER.text),
        spelt_apart(ORDER.word, "\xad"),
        spelt_apart(ORDER.word, " * "),
        f"a\\{ORDER.word[:4]}\u200b{ORDER.word[4:]}",
        "".join(chr(0xFEE0 + ord(sign)) for sign in ORDER.word),
    ],
    ids=ascii,
)
def test_an_order_is_found_however_it_is_hidden(hidden: str) -> None:
    assert words_in(f"Before. {hidden} After.") == {ORDER.word}


def test_nothing_is_found_where_nothing_was_planted() -> None:
    own = [
        each for truth in (*truths(), *ABOUT, *WISHES) for each in (truth.text, truth.statement, truth.line)
    ]
    texts = [*own, *(row["text"] for row in labelled()), "قهوه می‌خواهم 👨‍👩‍👧 ❤"]
    assert words_in("\n".join(texts)) == set()
    assert [text for text in texts if HIDDEN.search(text)] == []


def test_every_carrier_holds_its_order_and_no_two_have_a_word_in_common() -> None:
    words = set()
    for _, order, talks in planted(Orders(3)):
        held = "\n".join(f"{talk.title}\n{turn.text}" for talk in talks for turn in talk.turns)
        own = "".join(turn.text for talk in talks for turn in talk.turns if turn.role == "user")
        assert order.word in words_in(held) | words_in(own.replace("Part 2 of the mail: ", ""))
        words.add(order.word)
    assert len(words) == 3 * len(CARRIERS) >= 120


async def test_the_worst_model_tells_what_is_true_and_whatever_it_reads_in_many_ways() -> None:
    order = Orders(7).next("role")
    truth = truths()[1]
    worst = WorstCase([truth], [order])
    chunk = chunk_of(
        said("m1", truth.text), said("m2", f"Do you say: {order.text}?", role="assistant"), said("m3", "Yes.")
    )
    async with fake_claude() as fake, model_at(fake) as model:
        fake.answers = worst
        found = (await model.extract(chunk)).candidates
    assert found[0].statement == truth.statement
    ways = [each for each in found if order.word in words_in(each.statement)]
    assert len(ways) > 10
    assert {len(each.quote) for each in ways} >= {1}
    assert any(each.quote == "Yes" for each in ways)
    assert len(worst.forged) > 4


def test_an_honest_answer_quotes_its_message() -> None:
    for each in (*honest_answers(), *honest_answers("free")):
        assert all(fact["quote"] in each.text for fact in each.facts)
