"""Custom instructions: what the person told the assistant about themselves and how to answer, once for all.

Every sentence counts: one that a rule knows is what the rule says; any other is a standing instruction, or a
fact about them if it speaks of "I" or "my".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.english.binding.orders import reads_as_order
from shared.english.sentences import Sentence, split_sentences
from shared.models.rules.clauses import facts_of_sentence
from shared.models.rules.fields import Field, field_of, is_heading, topic_end
from shared.models.rules.said import Found, Said
from shared.models.rules.statement import QUOTE_CHARS, quote_of, statement_of

_WRAPPER = re.compile(
    r"\s*(?:the user provided|this user profile|the user's|what would you like|how would you like"
    r"|here is what|user profile|about user|```|custom instructions|shown to you in all)"
)
_BULLET = re.compile(r"[\s\-*•–—>\d.)#]*")
_FRAME = " \t*_`"
_OF_THEMSELVES = re.compile(r"(?:i|i'm|im|i've|my|we|our)(?![\w])")
_CONFIDENCE = 0.7


def facts_of_instructions(said: Said, low: str) -> Iterator[Found]:
    """The facts of custom instructions; `low` is their folded text."""
    for sentence in split_sentences(said.text, low):
        if _WRAPPER.match(low, sentence.start, sentence.end) or sentence.asks:
            continue
        if is_heading(low, said.text, sentence.start, sentence.end):
            continue
        sentence.start = topic_end(low, sentence.start, sentence.end)
        start = _begin(sentence)
        field = field_of(low, start, sentence.end)
        if field is None and (known := list(facts_of_sentence(said, sentence))):
            yield from known
        else:
            yield from _as_it_stands(said, sentence, start, field)


def _begin(sentence: Sentence) -> int:
    """Where it begins, behind the mark of a list."""
    bullet = _BULLET.match(sentence.low, sentence.start, sentence.end)
    return bullet.end() if bullet is not None else sentence.start


def _as_it_stands(said: Said, sentence: Sentence, start: int, field: Field | None) -> Iterator[Found]:
    start, end = quote_of(said.text, start, sentence.end)
    quote = said.text[start:end].rstrip()
    if len(quote.split()) < 2 or len(quote) > QUOTE_CHARS or quote.endswith(":"):
        return
    category = "beliefs" if _OF_THEMSELVES.match(sentence.low, start) else "preferences"
    statement = statement_of(quote)
    if field is not None:
        words = said.text[field.value : end].strip(_FRAME)
        if reads_as_order(sentence.low[field.value : end]):
            statement = statement_of(words)
        else:
            category, statement = "beliefs", statement_of(field.beginning + words)
    if not any(mark.isalnum() for mark in statement):
        return
    yield Found(said.id, category, statement, quote, None, None, _CONFIDENCE)
