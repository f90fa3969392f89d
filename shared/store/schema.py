"""Which schema the database has. The rule is in supabase/migrations/0022_schema_version.sql."""

from __future__ import annotations

from shared.store.call import Calls, call


class Schema(Calls):
    """Methods of Store on the schema."""

    @call
    async def schema_version(self) -> dict[str, str]:
        """The migrations that were applied, with the checksums of their files."""
