"""Every command, over a database, an export and arguments of which each text is a stranger's: what is printed
is text. Commands are taken from the command tree."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
import typer.main

from shared.domain.ids import user_id_for
from soulprint.main import app
from tests.support.exports import chain, json_of
from tests.support.hostile_text import FORGED, HOSTILE, LONG, MARK, commands_in
from tests.support.planted import ROWS, plant
from tests.support.poisoned import poison
from tests.support.printing import Printed, printed_by

USER: Final = user_id_for("Eve")
WHY: Final = ("--reason", HOSTILE, "--by", HOSTILE)
OTHER: Final = user_id_for("Mallory")
ID: Final = "0b0c7a52-7f0f-4bb1-9b73-8a7f4b4a2f11"
"""Nothing has this id."""
WAYS: Final = ((True, ()), (False, ()), (False, ("--json",)))
"""On a terminal, piped, as JSON: whether streams are terminals, and more arguments."""

Arguments = Sequence[Sequence[str]]
COMMANDS: Final[Mapping[str, Arguments]] = {
    "status": [[], [HOSTILE], ["IMPORT"]],
    "usage": [[], ["--user", HOSTILE]],
    "users": [[]],
    "show": [
        ["--user", "Eve"],
        ["--user", "Eve", "--section", "soul"],
        ["--user", "Eve", "--facts"],
        ["--user", "Eve", "--search", "lisbon"],
        ["--user", "Eve", "--search", HOSTILE],
        ["--user", "Eve", "--why", "FACT"],
        ["--user", "Eve", "--why", HOSTILE],
        ["--user", HOSTILE],
        ["--section", HOSTILE],
    ],
    "doctor": [[]],
    "migrate": [["--plan"], []],
    "profile list": [["Eve"], [HOSTILE], ["Eve", "--limit", HOSTILE]],
    "canary show": [[]],
    "canary history": [[]],
    "canary explain": [["Eve", HOSTILE, LONG]],
    "canary compare": [[], ["--since", HOSTILE], ["--since", "2020-01-01"]],
    "replay list": [[]],
    "replay show": [["REPLAY", "--items"], [HOSTILE]],
    "replay status": [["REPLAY"], [], [HOSTILE]],
    "replay compare": [["--pipeline", "v3"], ["--pipeline", HOSTILE]],
    "dead list": [[], ["--ids"], ["--topic", HOSTILE], ["--reason-is", HOSTILE], ["--import", HOSTILE]],
    "dead show": [["LETTER"], [HOSTILE], ["LETTER", "--text", "--by", HOSTILE]],
    "canary check": [[]],
    "canary set": [["5", *WHY], [HOSTILE, *WHY], [LONG, *WHY]],
    "canary shadow": [["5", *WHY], [HOSTILE, *WHY]],
    "canary mode": [["auto", *WHY], [HOSTILE, *WHY]],
    "canary override": [["Eve", "v1", *WHY], [HOSTILE, "v1", *WHY], ["Eve", HOSTILE, *WHY]],
    "canary thresholds": [[], ["enough=50", *WHY], [HOSTILE, *WHY], [f"enough={HOSTILE}", *WHY]],
    "canary rollback": [[*WHY]],
    "canary thaw": [[*WHY]],
    "canary passthrough": [["on", *WHY], [HOSTILE, *WHY], ["off", *WHY]],
    "canary deprecate": [[*WHY], ["--sunset", HOSTILE, *WHY]],
    "replay plan": [[], ["--user", HOSTILE], ["--since", HOSTILE], ["--model-version", HOSTILE]],
    "replay run": [["REPLAY", *WHY, "--dry-run"], [HOSTILE, *WHY]],
    "replay pause": [["REPLAY", *WHY], [HOSTILE, *WHY]],
    "replay continue": [["REPLAY", *WHY], [HOSTILE, *WHY]],
    "replay stop": [["REPLAY", *WHY], [HOSTILE, *WHY]],
    "replay feed": [
        ["--pipeline", HOSTILE, "--since", "7d", *WHY],
        ["--pipeline", "v3", "--since", HOSTILE, *WHY],
    ],
    "dead requeue": [[ID, *WHY], [HOSTILE, *WHY]],
    "dead drop": [["LETTER", *WHY], [HOSTILE, *WHY]],
    "profile restore": [["Eve", "1", *WHY], [HOSTILE, "1", *WHY], ["Eve", HOSTILE, *WHY]],
    "accept": [["IMPORT"], [HOSTILE], [LONG]],
    "cancel": [["IMPORT"], [HOSTILE]],
    "run": [
        ["NAMES", "--user", HOSTILE],
        ["ZIP", "--user", "Eve"],
        ["BROKEN", "--user", "Eve"],
        ["NAMES", "--out", "OUT", "--user", "Eve"],
        ["NAMES", "--dry-run"],
        [HOSTILE],
        [LONG],
        ["NAMES", "--lineage", HOSTILE],
        ["NAMES", f"--{HOSTILE}"],
    ],
    "submit": [[HOSTILE], ["NAMES"], [HOSTILE, "--upload"]],
    "topics create": [[], [HOSTILE]],
    "topics acls": [[], [HOSTILE], ["--principal", f"User:{HOSTILE}{{}}"], ["--json", "app"]],
    "serve": [[HOSTILE]],
    "up": [[HOSTILE]],
}
"""What each command is given. Words in capitals stand for what the planted database and exports have."""
MUST_SHOW: Final = frozenset(
    {
        *(
            "status",
            "usage",
            "users",
            "show",
            "profile list",
            "canary show",
            "canary history",
            "canary explain",
        ),
        *("replay list", "replay show", "replay status", "dead list", "dead show", "run", "doctor"),
    }
)
"""Commands that print a stranger's text: if the mark is not seen, nothing was tried."""


def commands_of(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, bool]]:
    """The names of all commands, and whether each knows `--json`."""
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from commands_of(inner, (*path, name))
    else:
        yield " ".join(path), any("--json" in parameter.opts for parameter in command.params)


EVERY: Final = dict(commands_of(typer.main.get_command(app)))


def test_every_command_is_tried() -> None:
    assert sorted(EVERY.keys() - COMMANDS.keys()) == [], "a new command needs a line in COMMANDS"
    assert sorted(COMMANDS.keys() - EVERY.keys()) == []


def exports_in(folder: Path) -> dict[str, str]:
    """Exports whose names, titles and texts are a stranger's."""
    odd = folder / f"c \x1b]0;PWNED\x07\n{FORGED} \u202e[bold]x {MARK}.json"
    text = f"I live in Lisbon. I love {HOSTILE}. My name is Eve {HOSTILE}."
    odd.write_bytes(json_of([chain(text, HOSTILE, conversation_id="c1", title=HOSTILE)]))
    broken = folder / "broken"
    broken.mkdir()
    (broken / odd.name).write_text('[{"mapping": ')
    (broken / b"c\xff\x9b.json".decode("utf-8", "surrogateescape")).write_text("{")
    bomb = folder / "mark[red].zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("conversations[/bold].json", b" " * 8 * 1024**2)
        file.writestr(f"c\x1b[2J\n{FORGED}[link=http://evil.example]y[/link].json", b" " * 8 * 1024**2)
    return {"NAMES": str(odd), "BROKEN": str(broken), "ZIP": str(bomb)}


async def prepared(sql: asyncpg.Connection, words: dict[str, str], environment: Mapping[str, str]) -> None:
    """A memory of Eve's, an import of hers that failed, a replay, and rows of somebody else's in every table,
    all of a stranger's words."""
    first = [
        (("run", words["NAMES"], "--user", "Eve", "--out", words["OUT"]), False),
        (("run", words["ZIP"], "--user", "Eve", "--out", words["OUT"]), False),
        (("replay", "plan", "--user", "Eve"), False),
        (("canary", "set", "1", "--reason", "why", "--by", "ops"), False),
    ]
    ended = await asyncio.to_thread(printed_by, first, environment)
    assert [each.code for each in ended] == [0, 2, 0, 0], ended
    await plant(sql, sorted(ROWS), OTHER)
    done = await poison(sql, HOSTILE)
    assert {
        "facts.statement",
        "imports.error",
        "user_names.name",
        "audit.who",
        "service_holds.reason",
    } <= done
    words["IMPORT"] = str(
        await sql.fetchval("SELECT import_id FROM imports WHERE state = 'complete' LIMIT 1")
    )
    words["REPLAY"] = str(await sql.fetchval("SELECT id FROM replays LIMIT 1"))
    words["LETTER"] = str(await sql.fetchval("SELECT id FROM dead_letters WHERE user_id = $1", OTHER))
    words["FACT"] = str(await sql.fetchval("SELECT fact_id FROM facts WHERE user_id = $1 LIMIT 1", USER))


def wrong_with(name: str, printed: Printed) -> list[str]:
    """What of it is more than text."""
    given = printed.arguments[len(name.split()) :]
    peoples = name == "show" and (given == ("--user", "Eve") or {"--section", "--why"} & set(given))
    found = commands_in(printed.out, terminal=printed.terminal, forged=not peoples)
    found += commands_in(printed.err, terminal=printed.terminal)
    found += [f"it ends with {printed.code}"] * (printed.code not in (0, 1, 2, 3, 4))
    both = printed.out + printed.err
    found += ["a traceback"] * ("Traceback" in both)
    found += ["an error that nobody foresaw"] * ("a fault of SoulPrint" in both)
    if "--json" in given and printed.code == 0:
        try:
            json.loads(printed.out)
        except json.JSONDecodeError:
            [json.loads(line) for line in printed.out.splitlines()]
    return found


@pytest.mark.slow
async def test_no_command_prints_more_than_text(
    database: str, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    home = tmp_path / f"home \x1b]0;PWNED\x07 \u202e[bold]{MARK}"
    environment = {
        "DATABASE_URL": database,
        "SOULPRINT_HOME": str(home),
        "TERM": "xterm-256color",
        "COLUMNS": "100",
    }
    words = exports_in(tmp_path) | {"OUT": str(tmp_path / "out [bold]\x1b[2J")}
    await prepared(sql, words, environment)
    tried = [
        (name, (*name.split(), *(words.get(each, each) for each in given), *more), terminal)
        for name, some in COMMANDS.items()
        for number, given in enumerate(some)
        for terminal, more in WAYS[: 1 if number else 3 if EVERY[name] else 2]
    ]
    printed = await asyncio.to_thread(
        printed_by, [(given, terminal) for _, given, terminal in tried], environment
    )
    wrong = {}
    for (name, given, terminal), each in zip(tried, printed, strict=True):
        if found := wrong_with(name, each):
            wrong[ascii(given)[:200], terminal] = found, ascii(each.out[-600:]), ascii(each.err[-600:])
    assert wrong == {}
    seen = {name for (name, _, _), each in zip(tried, printed, strict=True) if MARK in each.out + each.err}
    assert seen >= MUST_SHOW
