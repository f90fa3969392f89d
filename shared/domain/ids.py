"""Deterministic ids: the same input always gets the same id, so every write can be repeated safely."""

from __future__ import annotations

from uuid import UUID, uuid5

from shared.domain.errors import UsageError

NAMESPACE = UUID("6f1d0f3c-6f0b-5c0e-9d55-8a2f6c1b7e42")
"""Root of every SoulPrint id. Changing it makes every stored id unreachable."""


def user_id_for(name: str) -> UUID:
    """The id of a user given by name on the command line; a UUID is taken as it is. Raises UsageError for
    bytes that are no UTF-8, which a terminal of another encoding sends."""
    try:
        return UUID(name)
    except ValueError:
        pass
    try:
        return uuid5(NAMESPACE, f"user\0{name}")
    except UnicodeEncodeError:
        raise UsageError("the user's name is not UTF-8: set the terminal to UTF-8, or use a UUID") from None


def import_id(user_id: UUID, fingerprint: str) -> UUID:
    """The id of an import: the same export of the same user is the same import."""
    return uuid5(NAMESPACE, f"import\0{user_id}\0{fingerprint}")


def stage_id(import_id: UUID, pipeline: str, run: int, stage: str, index: int) -> UUID:
    """The id of what `stage` produced as its `index`-th output in a run (design, section 2)."""
    return uuid5(NAMESPACE, f"{import_id}\0{pipeline}\0{run}\0{stage}\0{index}")


def fact_id(user_id: UUID, message_id: str, category: str, statement: str) -> UUID:
    """The id of a fact: independent of chunk, import and run, so a re-import finds its own facts again."""
    return uuid5(NAMESPACE, f"fact\0{user_id}\0{message_id}\0{category}\0{statement}")


def burial_id(topic: str, partition: int, offset: int, timestamp: int) -> UUID:
    """The id of a dead letter: of one record of the log, however often it is read and set aside."""
    return uuid5(NAMESPACE, f"dead\0{topic}\0{partition}\0{offset}\0{timestamp}")
