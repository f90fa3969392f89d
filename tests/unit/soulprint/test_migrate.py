"""What `soulprint migrate` says, without a database."""

from __future__ import annotations

import sys

import pytest

from shared.domain.errors import UsageError
from shared.postgres.plan import Plan, Step
from soulprint.migrate import migrate_command, told

PROJECT = {"SUPABASE_URL": "https://p.supabase.co", "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_tango"}


@pytest.mark.parametrize(
    ("given", "says"), [({}, "the embedded one needs none"), (PROJECT, "over REST none can be")]
)
def test_without_an_address_it_says_what_there_is_instead(
    given: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=f"set DATABASE_URL .*; {says}$"):
        migrate_command(only_plan=True, as_json=False)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_plan_has_a_line_of_the_terminal_for_each_statement(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    plan = Plan(["0001_roles"], [Step("0001_roles", "GRANT USAGE " * 20)], [])
    (line,) = [line for line in told(plan) if "GRANT" in line]
    assert (len(line), line[-3:]) == (width, "...")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert len(told(plan)[1]) == 102
