"""docs/schema.sql shows the schema that the migrations make."""

from __future__ import annotations

from pathlib import Path

from scripts.schema import schema_of

WRITTEN = Path(__file__).parents[2] / "docs" / "schema.sql"


async def test_the_written_schema_is_the_sum_of_the_migrations(migrated: str) -> None:
    assert schema_of(migrated) == WRITTEN.read_text(), "docs/schema.sql is not the schema: run make schema"
