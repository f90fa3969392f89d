"""Our migration files, statement by statement."""

from __future__ import annotations

import re

from shared.postgres.statements import Made, made_by, split
from shared.postgres.versions import load_migrations, migrations_folder

FILE = """
-- What it is for; with a semicolon.
CREATE TABLE a (n text DEFAULT 'x;''y' /* ; */ CHECK (n <> '-- no;')); -- after it

/* before; */ DO $$ BEGIN EXECUTE 'a;b'; END $$;
CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $body$ SELECT '$$;'; $body$;
SELECT "a;b" FROM a
-- the end
"""


def test_semicolons_end_statements_only_where_they_stand_alone() -> None:
    assert split(FILE) == [
        "CREATE TABLE a (n text DEFAULT 'x;''y' /* ; */ CHECK (n <> '-- no;'))",
        "DO $$ BEGIN EXECUTE 'a;b'; END $$",
        "CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $body$ SELECT '$$;'; $body$",
        'SELECT "a;b" FROM a\n-- the end',
    ]
    assert split("") == split("-- nothing\n;;\n") == []


def test_no_word_of_our_files_is_lost() -> None:
    """But comments, which may stand anywhere."""

    def words(text: str) -> list[str]:
        return re.sub(r"--[^\n]*|;", " ", text).split()

    for migration in load_migrations(migrations_folder()):
        assert words(" ".join(split(migration.sql))) == words(migration.sql), migration.version


def test_what_statements_make_is_known_by_name() -> None:
    assert made_by(
        [
            "CREATE TABLE IF NOT EXISTS public.a (n integer)",
            "CREATE VIEW public.v WITH (security_invoker = true) AS SELECT 1",
            "CREATE OR REPLACE FUNCTION public.f(argument jsonb) RETURNS jsonb",
            "CREATE UNIQUE INDEX IF NOT EXISTS i\n    ON public.a (n)",
            "CREATE POLICY services ON public.a TO service_role USING (true)",
            "CREATE TRIGGER t BEFORE INSERT OR UPDATE OF n ON public.a EXECUTE FUNCTION public.f()",
            "ALTER TABLE public.a ADD COLUMN m integer",
            "SELECT 'CREATE TABLE public.no'",
        ]
    ) == {
        Made("table", "a"),
        Made("view", "v"),
        Made("function", "f"),
        Made("index", "i"),
        Made("policy", "services", "a"),
        Made("trigger", "t", "a"),
    }
