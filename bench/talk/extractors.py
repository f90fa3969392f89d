"""What is measured, and what anything must beat."""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.extractor.grounding import ground
from shared.domain.events import ChunkReady
from shared.domain.facts import Candidate, Category
from shared.english.plain import fold
from shared.english.sentences import split_sentences
from shared.models.rules.extract import extract_candidates

_FIRST_PERSON = re.compile(
    r"(?<![\w'])(?:i|i'm|im|i've|ive|i'd|i'll|me|my|mine|myself|we|we're|we've|we'd|we'll|our|ours|us)(?![\w'])"
)


def offline(chunk: ChunkReady) -> Sequence[Candidate]:
    """The product's offline model, with what grounding lets through."""
    return ground(chunk, extract_candidates(chunk).candidates, own_words=True).facts


def first_person(chunk: ChunkReady) -> Sequence[Candidate]:
    """Every sentence of the person that names the first person and asks nothing: the recall that can be had
    for no thought at all, and its precision."""
    return [
        Candidate(
            category=Category.BELIEFS,
            statement=sentence,
            quote=sentence,
            message_ids=(message.id,),
            confidence=1.0,
        )
        for message in chunk.messages
        if message.role == "user"
        for sentence in _statements(message.text)
    ]


def _statements(text: str) -> list[str]:
    low = fold(text)
    found = (
        text[each.start : each.end].strip()
        for each in split_sentences(text, low)
        if not each.asks and _FIRST_PERSON.search(low, each.start, each.end)
    )
    return [sentence for sentence in found if sentence]
