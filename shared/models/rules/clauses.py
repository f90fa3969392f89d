"""Asks the gate about each clause of a sentence and makes facts of those that are."""

from __future__ import annotations

from collections.abc import Iterator

from shared.english.binding.orders import reads_as_order
from shared.english.claims import claim_of
from shared.english.gate.features import features
from shared.english.gate.gate import kind_of, verdict_of
from shared.english.plain import fold
from shared.english.sentences import Clause, Sentence, split_clauses
from shared.models.rules.guards import is_to_reader, refused
from shared.models.rules.kinds import category_of, time_of
from shared.models.rules.said import Found, Said
from shared.models.rules.statement import quote_of, statement_of
from shared.models.rules.when import days_of
from shared.models.rules.wishes import is_standing_wish

FACT = 0.65
"""Least likelihood of a clause that is taken for a fact."""
SLOT = 0.3
"""The same where it says what a slot holds: where they live, what they eat, whom they are married to."""
WISH = 0.9
"""Confidence in a standing wish that is said as one."""
_SHORTEST = 7
"""Characters a statement has at least."""


def facts_of_sentence(said: Said, sentence: Sentence, previous: str = "") -> Iterator[Found]:
    """The facts of one sentence of own words, in order; `previous` is the sentence before it, folded."""
    for clause in split_clauses(sentence):
        if refused(clause):
            continue
        if is_standing_wish(clause):
            fact = _fact(said, clause, "answers", WISH)
        elif is_to_reader(clause):
            continue
        else:
            found = features(clause, previous)
            likely = verdict_of(found).fact
            if likely < SLOT or reads_as_order(clause.text):
                continue
            fact = _fact(said, clause, kind_of(found), round(likely, 2))
            if likely < FACT and (fact is None or claim_of(fact.statement) is None):
                continue
        if fact is not None:
            yield fact


def _fact(said: Said, clause: Clause, kind: str, confidence: float) -> Found | None:
    """The fact a clause states; None if it cannot be said in a sentence."""
    start, end = quote_of(said.text, clause.start, clause.end)
    quote = said.text[start:end]
    statement = statement_of(quote)
    if len(statement) < _SHORTEST:
        return None
    since, until = days_of(fold(statement), time_of(kind), said.day)
    return Found(said.id, category_of(kind), statement, quote, since, until, confidence)
