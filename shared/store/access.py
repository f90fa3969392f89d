"""Who may do what with our tables and functions. The rule is in supabase/migrations/0032_service_role.sql."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from shared.domain.discreet import Discreet
from shared.store.call import Calls, call


class OpenRow(Discreet):
    """A right that a role must not have: on a table, view or function of ours, or on the schema `public`."""

    role: str
    name: str
    right: str


class LoginRow(Discreet):
    """Who is logged in. `reads`: it may read tables of ours by itself."""

    name: str
    superuser: bool
    reads: bool


class AccessRow(Discreet):
    """What is open that must not be, and what is not open that must be."""

    opened: list[OpenRow] = Field(alias="open")
    unready: list[str]
    """Functions that services may not call, or that would act with the rights of a service."""
    superusers: list[str]
    """Functions that act as a superuser, whoever calls them."""
    login: LoginRow


class Access(Calls):
    """Methods of Store on rights."""

    @call
    async def read_access(
        self, tables: Sequence[str], functions: Sequence[str], called: Sequence[str]
    ) -> AccessRow:
        """Who may do what with these tables, views and functions of schema public; services call `called`."""
