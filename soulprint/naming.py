"""What users are called: the name that was typed, which the database keeps beside its id. Their accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from shared.domain.plurals import listed, plural
from shared.domain.printable import printable
from shared.store.store import Store

Names = Mapping[UUID, str]


def typed_name(user: str) -> str:
    """What a user is called who was given so; empty for a UUID."""
    try:
        UUID(user)
    except ValueError:
        return printable(user)
    return ""


async def note_name(store: Store, user_id: UUID, user: str) -> None:
    """Keep the name that a user was given by, if it is one."""
    if name := typed_name(user):
        await store.name_user(user_id, name)


async def names_of(store: Store, user_ids: Iterable[UUID]) -> Names:
    """The names of those users that have one."""
    return await store.read_user_names(list(dict.fromkeys(user_ids)))


def called(names: Names, user_id: UUID) -> str:
    """A user in a line for people: the name, or the id where there is none."""
    return printable(names.get(user_id, "")) or str(user_id)


def told_accounts(lineages: Sequence[str]) -> str:
    """Accounts in a line for people; empty where there are none."""
    return f"{plural(len(lineages), 'account', 'accounts')}: {listed(lineages)}" if lineages else ""
