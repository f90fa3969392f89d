"""The matter of a fact: what it speaks of, so that facts of one lie side by side in the store."""

from __future__ import annotations

from shared.english.claims import claim_of
from shared.english.wording import distinctive_stems, tokens


def matter_of(category: str, statement: str) -> str:
    """`slot:residence`, `many:pet:dog`, else category and two telling stems: `projects:boat+build`.

    Facts that may repeat or contradict each other have the same matter: the consolidator compares no others.
    A slot holds one value at a time; a many-valued matter and any other contradict nothing.
    """
    claim = claim_of(statement)
    if claim is not None:
        return claim.matter
    return f"{category}:{'+'.join(distinctive_stems(tokens(statement)))}"


def is_claim(matter: str) -> bool:
    """Whether facts of it are told in a form that means one thing: a slot or one of many values. That
    somebody likes something is said of the moment as often as for good."""
    return matter.startswith(("slot:", "many:")) and not matter.startswith("slot:liking")
