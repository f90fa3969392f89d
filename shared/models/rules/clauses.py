"""Tries the rules on the clauses of a sentence and makes facts of those that hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.english.plain import OPENING_CONTRACTIONS, fold
from shared.english.sentences import Clause, Sentence, split_clauses
from shared.english.spotting import hints
from shared.models.rules.guards import EVERY_FACT
from shared.models.rules.rule import Rule
from shared.models.rules.rulebook import INDEX
from shared.models.rules.said import Found, Said
from shared.models.rules.statement import quote_of, statement_of
from shared.models.rules.when import days_of

_QUALIFIES = frozenset({"but", "because", "although", "though", "while", "whereas", "since"})
"""Joints after which a clause that is no fact of its own belongs to the fact before it."""
_WANTS = re.compile(
    r"i (?:need|want|would|am (?:trying|looking|wondering|thinking|not sure|getting)|was (?:wondering"
    r"|thinking|hoping)|can not (?:find|figure|decide)|have (?:a question|no idea)|do not (?:know"
    r"|understand)|might|could|wish|hope|have been (?:trying|thinking|wondering))\b|(?:what|how|can|could"
    r"|please|should|which|where|is|are|do|any|help)\b"
)
_OPENINGS = INDEX.first_words | OPENING_CONTRACTIONS | {"we", "our"}
_OF_ANY_BEGINNING = (" to me", " my fav")
"""One of these a clause holds if a rule for any beginning may fit it."""

_SHORTEST = 7
"""Characters a statement has at least."""


def facts_of_sentence(said: Said, sentence: Sentence) -> Iterator[Found]:
    """The facts of one sentence of own words, in order."""
    clauses = split_clauses(sentence)
    rules = [matching_rule(clause) for clause in clauses]
    for position, (clause, matched) in enumerate(zip(clauses, rules, strict=True)):
        if matched is None:
            continue
        end = clause.end
        following = position + 1
        if following < len(clauses) and rules[following] is None and _qualifies(clauses[following]):
            end = clauses[following].end
        fact = make_fact(said, clause, end, matched)
        if fact is not None:
            yield fact


def _qualifies(clause: Clause) -> bool:
    return clause.joint in _QUALIFIES and not clause.sentence.asks and not _WANTS.match(clause.plain)


def matching_rule(clause: Clause) -> Rule | None:
    """The first rule that the clause fits and no guard refuses, else None."""
    if clause.first_word not in _OPENINGS and not hints(clause.text, _OF_ANY_BEGINNING):
        return None
    plain = clause.plain
    for rule in INDEX.for_clause(plain):
        found = rule.shape.match(plain)
        if found is None or any(guard(clause, found) for guard in rule.guards):
            continue
        return None if any(guard(clause, found) for guard in EVERY_FACT) else rule
    return None


def make_fact(said: Said, clause: Clause, end: int, rule: Rule) -> Found | None:
    """The fact a clause states; None if it cannot be said in a sentence."""
    start, end = quote_of(said.text, clause.start, end)
    quote = said.text[start:end]
    statement = statement_of(quote)
    if len(statement) < _SHORTEST:
        return None
    since, until = days_of(fold(statement), rule.time, said.day)
    return Found(said.id, rule.category, statement, quote, since, until, rule.confidence)
