"""What the gate says of a clause."""

from __future__ import annotations

import pytest

from scripts.labels import KINDS
from shared.english.gate.features import features
from shared.english.gate.gate import Verdict, kind_of, kinds_in, verdict_of, weighed
from shared.english.plain import fold
from shared.english.sentences import Clause, split_clauses, split_sentences
from shared.models.rules.clauses import FACT

PAIRS = [
    ("I'm a night nurse in a hospital", "I'm tired today"),
    ("my wife is vegan", "my head hurts right now"),
    ("I'm allergic to peanuts", "I need a subject line"),
    ("we have two cats and a dog", "I have a quick question about cats"),
    ("I grew up on a farm in Wales", "I love this idea"),
    ("I play the cello in an orchestra", "I think the second one is better"),
    ("my daughter has asthma", "I've been there twice"),
    ("I hate coriander", "I hate this error"),
    ("we moved to Leeds in May", "we bought it last year"),
    ("I failed my driving test last week", "I'm looking at the test results now"),
    ("my dad died in March", "I always think about it"),
    ("I've been writing a novel for three years", "I'm writing an email to a client"),
    ("I quit smoking two years ago", "I tried that and got an error"),
    ("I use Emacs on Debian", "I used your example"),
]
"""What is a fact, and what looks like it and is none."""


def clause(text: str) -> Clause:
    """The one clause of a sentence."""
    (found,) = [each for s in split_sentences(text, fold(text)) for each in split_clauses(s)]
    return found


def judged(clause: Clause, previous: str = "") -> Verdict:
    """What the gate says of it; `previous` is the folded sentence before its own, if there is one."""
    return verdict_of(weighed(features(clause, previous)))


@pytest.mark.parametrize("fact", [fact for fact, _ in PAIRS])
def test_a_plain_fact_is_above_the_bar(fact: str) -> None:
    assert judged(clause(fact)).fact >= FACT


@pytest.mark.parametrize("twin", [twin for _, twin in PAIRS])
def test_what_only_looks_like_one_is_below_it(twin: str) -> None:
    assert judged(clause(twin)).fact < FACT


@pytest.mark.parametrize("text", [text for pair in PAIRS for text in pair] + ["zxqv", "Ünïcødé", "42 €"])
def test_likelihoods_add_up_to_one_and_are_the_same_for_the_same_clause(text: str) -> None:
    verdict = judged(clause(text))
    assert sum(verdict) == pytest.approx(1)
    assert all(0 <= each <= 1 for each in verdict)
    assert verdict == judged(clause(text))


def test_what_nobody_said_before_is_judged_all_the_same() -> None:
    for found in ([], ["w=zxqv", "no such feature"]):
        assert sum(verdict_of(weighed(found))) == pytest.approx(1)
        assert kind_of(weighed(found)) in KINDS
    assert judged(clause("Zxqv brmph gnarl")).fact < FACT


def test_a_feature_that_comes_twice_counts_once() -> None:
    assert weighed(["own", "own", "w=allergic"]) == weighed(["w=allergic", "own"])


def test_what_was_said_before_is_looked_at() -> None:
    told = clause("I'm a captain in the navy")
    assert judged(told, "here is a scene from my story:").fact < judged(told).fact


def test_a_fact_is_durable_or_an_event() -> None:
    assert Verdict(0.5, 0.2, 0.1, 0.1, 0.1).fact == pytest.approx(0.7)
    lasting, once = judged(clause("my wife is vegan")), judged(clause("I failed my driving test last week"))
    assert lasting.durable > lasting.event
    assert once.event > once.durable


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("My wife and I have two daughters.", "home"),
        ("I'm a nurse in a hospital.", "work"),
        ("I'm allergic to peanuts.", "health"),
        ("I'm writing a novel.", "projects"),
    ],
)
def test_a_plain_statement_is_of_its_kind(statement: str, kind: str) -> None:
    likely = kinds_in(statement)
    assert max(likely, key=likely.__getitem__) == kind
    assert sum(likely.values()) == pytest.approx(1)
    assert set(likely) == set(KINDS)
