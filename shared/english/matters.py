"""Topics: what facts of one matter share, so that they lie side by side in the store."""

from __future__ import annotations

from shared.english.claims import claim_of
from shared.english.wording import distinctive_stems, tokens


def topic_of(category: str, statement: str) -> str:
    """`slot:residence`, `many:pet:dog`, else category and two telling stems: `projects:boat+build`.

    Facts that may repeat or contradict each other have the same topic: the consolidator compares no others.
    A slot holds one value at a time; a many-valued matter and every other topic contradicts nothing.
    """
    claim = claim_of(statement)
    if claim is not None:
        return claim.topic
    return f"{category}:{'+'.join(distinctive_stems(tokens(statement)))}"
