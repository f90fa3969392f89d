"""Deterministic ids: the same input always gets the same id, so every write can be repeated safely."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID, uuid5

from shared.domain.errors import UsageError

NAMESPACE = UUID("6f1d0f3c-6f0b-5c0e-9d55-8a2f6c1b7e42")
"""Root of every SoulPrint id. Changing it makes every stored id unreachable."""

LINEAGE_DIGITS = 12
OLDEST = 3
"""Oldest conversations that a history is known by: fewer are likelier to be all there still."""


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


def import_id(user_id: UUID, fingerprint: str, lineage: str | None = None) -> UUID:
    """The id of an import: the same export of the same user is the same import, in each lineage that the
    person names."""
    named = "" if lineage is None else f"\0lineage\0{lineage}"
    return uuid5(NAMESPACE, f"import\0{user_id}\0{fingerprint}{named}")


def quick_id(import_id: UUID) -> UUID:
    """The import of the runs that give first sections while those of `import_id` are at work."""
    return uuid5(import_id, "quick\0v1")


def shadow_id(import_id: UUID, pipeline: str) -> UUID:
    """The import of the runs that `pipeline` makes beside those of `import_id`, to be compared with them."""
    return uuid5(import_id, f"shadow\0{pipeline}")


def lineage_id(user_id: UUID, vendor: str, account: str) -> str:
    """The lineage of an account whose vendor's id is known. It tells nobody which account that is, and of two
    users who share one it tells neither."""
    return f"{vendor}-{_digest('account', str(user_id), vendor, account)}"


def lineage_of_history(user_id: UUID, vendor: str, oldest: Iterable[str]) -> str:
    """The lineage of an account of which only conversations are known: `oldest` are the ids of its first
    ones, which later exports of the same history begin with, too."""
    return f"{vendor or 'unknown'}-{_digest('history', str(user_id), vendor, *oldest)}"


def _digest(*parts: str) -> str:
    written = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(written).hexdigest()[:LINEAGE_DIGITS]


def stage_id(import_id: UUID, pipeline: str, run: int, stage: str, index: int) -> UUID:
    """The id of what `stage` produced as its `index`-th output in a run (design, section 2)."""
    return uuid5(NAMESPACE, f"{import_id}\0{pipeline}\0{run}\0{stage}\0{index}")


def fact_id(user_id: UUID, message_id: str, category: str, statement: str) -> UUID:
    """The id of a fact: independent of chunk, import and run, so a re-import finds its own facts again."""
    return uuid5(NAMESPACE, f"fact\0{user_id}\0{message_id}\0{category}\0{statement}")


def burial_id(topic: str, partition: int, offset: int, timestamp: int) -> UUID:
    """The id of a dead letter: of one record of the log, however often it is read and set aside."""
    return uuid5(NAMESPACE, f"dead\0{topic}\0{partition}\0{offset}\0{timestamp}")
