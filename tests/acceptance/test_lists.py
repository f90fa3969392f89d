"""What `status`, `usage` and `users` list: by the name that was typed, in whatever terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shared.domain.ids import user_id_for
from tests.support.command import report
from tests.support.exports import chain, json_of
from tests.support.forking import ForkedSoulprint

NAME = "Nora \x1b[31mQ."
SHOWN = "Nora \ufffd[31mQ."
BY_ID = "0b0c7a52-7f0f-4bb1-9b73-8a7f4b4a2f11"


@pytest.fixture(scope="module")
def out(forked: ForkedSoulprint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the newest run left its files; another user is given by id."""
    folder = tmp_path_factory.mktemp("lists")
    export = folder / "c.json"
    export.write_bytes(json_of([chain("I live in Lisbon.", "ok")]))
    for user in (BY_ID, NAME):
        ended = forked("run", export, "--user", user, "--out", folder / "out")
        assert ended.code == 0, ended.err
    return folder / "out"


@pytest.mark.slow
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_longer_than_the_terminal_and_users_have_their_names(
    forked: ForkedSoulprint, out: Path, width: int
) -> None:
    settings = (*forked.command.settings, ("COLUMNS", str(width)))
    command = replace(forked, command=replace(forked.command, settings=settings))
    for name in ("status", "usage", "users"):
        ended = command(name)
        assert ended.code == 0, ended.err
        lines = ended.out.splitlines()
        assert [line for line in lines if len(line) > width] == [], name
        assert any(SHOWN in line for line in lines), name
        assert any(BY_ID in line for line in lines), name
        assert "\x1b" not in ended.out
    assert any(report(out)["import_id"] in line for line in command("status").out.splitlines())


def test_json_has_id_and_name(forked: ForkedSoulprint, out: Path) -> None:
    nora = str(user_id_for(NAME))
    (run,) = [each for each in forked("status", "--json").json() if each["user_id"] == nora]
    assert run["user_name"] == SHOWN
    (used,) = forked("usage", "--user", NAME, "--json").json()
    assert (used["user_id"], used["user_name"]) == (nora, SHOWN)
    (user,) = [each for each in forked("users", "--json").json() if each["user_id"] == nora]
    assert (user["name"], user["runs"], user["state"], user["has_memory"]) == (SHOWN, 1, "complete", True)


def test_a_message_about_a_user_has_the_name(forked: ForkedSoulprint) -> None:
    ended = forked("show", "--user", "no one")
    assert (ended.code, "user no one has no memory yet" in ended.err) == (1, True)
