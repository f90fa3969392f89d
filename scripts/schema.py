"""Prints the schema that all migrations together make; `make schema` keeps it in docs/schema.sql.

pg_dump tells what is there; here it is laid out for a reader: tables, views, then functions, each with all
that belongs to it.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from shared.postgres.binaries import binaries_folder
from shared.postgres.embedded import embedded_postgres
from shared.postgres.migrate import migrate

HEADING = "-- The whole schema, as supabase/migrations/ make it. Written by `make schema`; do not edit.\n"
DUMP_SECONDS = 60
_SECTION = re.compile(r"^--\n-- Name: .*; Type: (?P<kind>.*); Schema: .*\n--\n\n", re.MULTILINE)
_NOISE = re.compile(
    r"^(?:SET default_\w+ = .*;|\\(?:un)?restrict .*|--\n-- PostgreSQL database dump.*\n--)$", re.MULTILINE
)
_SUBJECT = re.compile(r"\bpublic\.(\w+)")
_ORDER = {"TABLE": 0, "VIEW": 1, "FUNCTION": 2}


def schema_of(dsn: str) -> str:
    """The schema of a migrated database, without what Supabase brings; the same one gives the same text."""
    done = subprocess.run(  # noqa: S603 - our own program, no shell
        [
            str(binaries_folder() / "pg_dump"), "--schema-only", "--no-owner", "--exclude-schema=auth",
            f"--dbname={dsn}",
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=DUMP_SECONDS,
    )  # fmt: skip
    _, *sections = _SECTION.split(done.stdout)
    subjects: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    for kind, text in zip(sections[::2], sections[1::2], strict=True):
        statement = _NOISE.sub("", text).strip()
        found = _SUBJECT.search(statement)
        subject = found.group(1) if found else ""
        subjects.setdefault(subject, []).append(statement)
        if kind in _ORDER:
            kinds[subject] = kind
    ordered = sorted(subjects, key=lambda subject: (_ORDER.get(kinds.get(subject, ""), -1), subject))
    return "\n".join([HEADING, *("\n".join(subjects[subject]) + "\n" for subject in ordered)])


async def main() -> None:
    """Migrate an empty database and print its schema."""
    with tempfile.TemporaryDirectory(prefix="soulprint-schema-") as home:
        async with embedded_postgres(Path(home)) as dsn:
            await migrate(dsn)
            sys.stdout.write(schema_of(dsn))


if __name__ == "__main__":
    asyncio.run(main())
