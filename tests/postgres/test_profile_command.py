"""`soulprint profile` as people give it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from shared.domain.ids import user_id_for
from shared.store.store import Store, open_store
from tests.support.command import Finished, Soulprint
from tests.support.forking import ForkedSoulprint, ForkServer
from tests.support.lineages import CHATGPT, CLAUDE, Run
from tests.support.records import ANNA

NAME = "Анна 🦊"


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    """Directly: what a command does is the same by every transport."""
    async with open_store(database) as opened:
        yield opened


@pytest.fixture
def command(database: str, tmp_path: Path, fork_server: ForkServer) -> ForkedSoulprint:
    settings = {"DATABASE_URL": database, "COLUMNS": "100"}
    return ForkedSoulprint(Soulprint(tmp_path / "home", (*settings.items(),)), fork_server)


async def imported(store: Store, name: str, user: UUID, conversations: int) -> None:
    run = Run(store, name, user)
    await run.read((CHATGPT, [f"{user} a{n}" for n in range(conversations)]))
    assert (await run.commit()).written


def done(ended: Finished) -> str:
    assert (ended.code, ended.err) == (0, ""), ended
    return ended.out


async def test_versions_are_listed_and_put_back_by_whatever_a_user_is_called(
    command: ForkedSoulprint, store: Store
) -> None:
    user = user_id_for(NAME)
    await store.name_user(user, NAME)
    await imported(store, "first", user, 1)
    said = done(command("profile", "list", NAME)).splitlines()
    assert said[0].startswith(f"served of {NAME}: ")
    assert said[-1] == "no other version is kept"
    await imported(store, "second", user, 2)
    found = json.loads(done(command("profile", "list", str(user), "--json")))
    (version,) = found["versions"]
    assert (found["user_id"], found["served"]["run"], found["more"]) == (str(user), 1, False)
    assert found["served"]["import_id"] != version["import_id"]
    assert "memory_md" not in version, "no text"
    assert f"version {version['version']}: served until " in done(command("profile", "list", NAME))
    why = ("--reason", "the sections were worse", "--by", "nora")
    said = done(command("profile", "restore", NAME, str(version["version"]), *why))
    assert said == (
        f"version {version['version']}, of run 1, is served now; what it takes the place of is kept\n"
    )
    assert len(await store.list_facts(user)) == 1
    (line,) = await store.read_audit(str(user))
    assert (line.who, line.what, line.why) == (
        "nora",
        f"profile restore {version['version']}",
        "the sections were worse",
    )
    again = command("profile", "restore", NAME, str(version["version"]))
    assert (again.code, "has its number no more" in " ".join(again.err.split())) == (1, True), again
    (other,) = json.loads(done(command("profile", "list", NAME, "--json")))["versions"]
    back = json.loads(done(command("profile", "restore", str(user), str(other["version"]), "--json")))
    assert back == {"user_id": str(user), "version": other["version"], "run": 1}
    assert json.loads(done(command("profile", "list", NAME, "--limit", "1", "--json")))["more"] is False


async def test_what_cannot_be_put_back_is_said_and_changes_nothing(
    command: ForkedSoulprint, store: Store
) -> None:
    await imported(store, "first", ANNA, 1)
    await imported(store, "second", ANNA, 2)
    other = Run(store, "claude")
    await other.read((CLAUDE, ["k1"]))
    assert (await other.commit()).written
    kept = await store.list_versions(ANNA, 9)
    for number, code, why in (
        (kept[-1].version, 2, "another account was imported"),
        (2**63 - 1, 1, "is kept: what was restored has its number no more"),
        (2**63, 2, "VERSION"),
        (0, 2, "VERSION"),
        ("first", 2, "VERSION"),
        ("1; DROP TABLE imports", 2, "VERSION"),
    ):
        ended = command("profile", "restore", str(ANNA), str(number))
        assert (ended.code, ended.out) == (code, ""), ended
        assert why in " ".join(ended.err.split()), ended
        assert "Traceback" not in ended.err
    nobody = command("profile", "list", "nobody")
    assert (nobody.code, "nothing is served or kept of" in " ".join(nobody.err.split())) == (1, True), nobody
    assert await store.list_versions(ANNA, 9) == kept
