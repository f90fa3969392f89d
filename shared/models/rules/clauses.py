"""Asks the gate about each clause of a sentence and makes facts of those that are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from shared.english.binding.orders import reads_as_order
from shared.english.claims import claim_of
from shared.english.gate.features import features
from shared.english.gate.gate import kind_of, verdict_of, weighed
from shared.english.plain import fold
from shared.english.sentences import Clause, Sentence, split_clauses
from shared.models.rules.fields import Field, field_of
from shared.models.rules.guards import refused
from shared.models.rules.kinds import category_of, time_of
from shared.models.rules.remarks import is_of_the_world, is_opinion, is_to_reader, names_nobody
from shared.models.rules.said import Found, Said
from shared.models.rules.statement import quote_of, statement_of, statements_of, trimmed
from shared.models.rules.when import days_of, has_day
from shared.models.rules.wishes import is_standing_wish

FACT = 0.55
"""Least likelihood of a clause that is taken for a fact."""
SLOT = 0.4
"""The same where it says what a slot holds: where they live, what they eat, whom they are married to."""
DOUBTED = 0.85
"""The same of what the person thinks of something, and of what names neither them nor anybody of theirs."""
SURE = 0.9
"""The same of what reads as an order and is told as a deed of theirs: "Quit my job on Friday"."""
WISH = 0.9
"""Confidence in a standing wish that is said as one."""
_NEAR = 200
"""Characters about a clause that its statement must agree with."""
_GREETING = re.compile(
    r"\s*(?:hi|hello|hey|hiya|good (?:morning|evening|afternoon)|greetings)\b", re.IGNORECASE
)
_OPENING = 60
"""Characters from a message's greeting in which a person says their name."""
_SHORTEST = 7
"""Characters a statement has at least."""


def facts_of_sentence(said: Said, sentence: Sentence, previous: str = "") -> Iterator[Found]:
    """The facts of one sentence of own words, in order; `previous` is the sentence before it, folded."""
    for clause in split_clauses(sentence):
        if refused(clause):
            continue
        if is_standing_wish(clause):
            yield from _facts(said, clause, "answers", WISH)
            continue
        if is_to_reader(clause) or (is_of_the_world(clause) and not has_day(clause.text)):
            continue
        sums = weighed(features(clause, previous))
        verdict = verdict_of(sums)
        likely = verdict.fact
        is_order = reads_as_order(clause.text)
        if likely < (SURE if is_order else SLOT):
            continue
        is_event = verdict.event > verdict.durable
        field = None if is_order else field_of(sentence.low, clause.start, clause.end)
        least = DOUBTED if is_opinion(clause) or (field is None and names_nobody(clause)) else FACT
        for fact in _facts(said, clause, kind_of(sums), round(likely, 2), event=is_event, field=field):
            if reads_as_order(fact.statement):
                continue
            if likely >= least or claim_of(fact.statement) is not None:
                yield fact


def _facts(
    said: Said,
    clause: Clause,
    kind: str,
    confidence: float,
    *,
    event: bool = False,
    field: Field | None = None,
) -> Iterator[Found]:
    """What a clause states, as far as it can be said in a sentence; of a `field`, what its value is."""
    start, end = quote_of(said.text, clause.start, clause.end)
    quote = trimmed(said.text[start:end])
    time = "event" if event and time_of(kind) == "span" else time_of(kind)
    if field is not None:
        statements: Iterable[tuple[str, int | None]] = [
            (statement_of(field.beginning + said.text[field.value : end].strip()), None)
        ]
    elif kind == "answers":
        statements = [(statement_of(quote), None)]
    else:
        greets = start < _OPENING and _GREETING.match(said.text) is not None
        around = clause.sentence
        near = said.text[max(0, around.start - _NEAR) : min(around.end, end + _NEAR)]
        statements = statements_of(quote, said.day, near, event=time != "span", greets=greets)
    for statement, first in statements:
        if len(statement) < _SHORTEST:
            continue
        since, until = days_of(fold(statement), time, said.day)
        if since is None and until is None and time != "span":
            since = first
        yield Found(said.id, category_of(kind), statement, quote, since, until, confidence)
