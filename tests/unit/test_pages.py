"""Pages that list what the code has list all of it, and nothing else."""

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4, uuid5

import pytest
import typer

from shared.exports.formats.registry import FORMATS
from shared.log import deadletter
from shared.log.kafka.cloudevents import EVENT_TYPES
from shared.pipelines import MAX_EVENT_BYTES, READERS, SERVICES, live_topics, places_of
from shared.requests.request import request_of
from shared.settings import load_settings
from soulprint.canary.app import canary
from soulprint.dead.app import dead
from soulprint.profile.app import profile
from soulprint.replay.app import replay

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
REPLAY = (ROOT / "docs" / "replay.md").read_text("utf-8")
EVENTS = (ROOT / "docs" / "events.md").read_text("utf-8")
COMMANDS = (ROOT / "soulprint" / "main.py").read_text("utf-8")


def test_the_readme_lists_every_format() -> None:
    (table,) = re.findall(r"(?s)## What it reads\n(.+?)\n\nEach as", README)
    listed = re.findall(r"^\| ([A-Z][\w ]+?) \|", table, re.MULTILINE)
    assert {name.lower().replace(" ", "-") for name in listed} == {each.name for each in FORMATS}


def test_the_readme_shows_every_service_in_the_house() -> None:
    (rooms,) = re.findall(r"(?s) services/<name>/.+?\n(.+?)\n +shared/", README)
    assert re.findall(r"^ +(\w+)/", rooms, re.MULTILINE) == [*SERVICES]


def test_operations_tells_what_each_service_reads_and_as_which_group() -> None:
    rows = re.findall(r"^\| (\w+) \| `([\w.]+)` \| `(soulprint[\w.]+)` \|", OPERATIONS, re.MULTILINE)
    assert rows == [(name, spec.topic("v2"), spec.group("v2")) for name, spec in READERS.items()]
    without = re.findall(r"^\| (\w+) \| HTTP \| - \|", OPERATIONS, re.MULTILINE)
    assert without == [name for name in SERVICES if name not in READERS]


def test_the_help_of_serve_names_every_service() -> None:
    *others, last = SERVICES
    assert f'help="{", ".join(others)} or {last}."' in COMMANDS


def test_the_page_of_events_has_every_topic_and_its_group() -> None:
    places = places_of(READERS, "v2")
    groups = {each.spec.topic(each.pipeline): each.spec.group(each.pipeline) for each in places}
    row = r"^\| `([\w.]+)` \| (\w+) \| `(\w+)` \| (\d+) days \| `([\w.]+)` \|"
    assert re.findall(row, EVENTS, re.MULTILINE) == [
        (s.name, s.event.__name__, s.key, str(timedelta(milliseconds=s.retention_ms).days), groups[s.name])
        for s in live_topics("v2")
    ]


def test_the_page_of_events_names_the_type_and_the_limit_as_they_are() -> None:
    assert set(re.findall(r"soulprint\.import-received\.v\d+", EVENTS)) == {EVENT_TYPES[0].wire}
    assert f"at most {MAX_EVENT_BYTES:,} bytes" in EVENTS


def test_the_page_of_events_chooses_the_import_id_that_submit_chooses() -> None:
    (namespace,) = set(re.findall(r"6f1d0f3c-[\w-]+", EVENTS))
    assert r'import_id = uuid.uuid5(NAMESPACE, f"import\0{user_id}\0source\0{source}")' in EVENTS
    user_id, source = uuid4(), "imports/export.zip"
    chosen = uuid5(UUID(namespace), f"import\0{user_id}\0source\0{source}")
    assert chosen == request_of(source, user_id, load_settings()).import_id


def test_operations_names_every_header_of_a_dead_letter() -> None:
    (text,) = re.findall(r"(?s)## Dead letters\n(.+?)Reasons:", OPERATIONS)
    assert set(re.findall(r"`(dlq_\w+)`", text)) == {*deadletter.HEADERS, deadletter.LEFT_OUT}


def test_operations_tells_of_everything_that_doctor_looks_at() -> None:
    checks = "".join(page.read_text("utf-8") for page in (ROOT / "soulprint" / "doctor").glob("*.py"))
    names = set(re.findall(r'(?:Check|found_if)\(\s*"(\w+)"', checks)) | {"embeddings"}
    (text,) = re.findall(r"(?s)### What doctor looks at\n(.+?)\n#", OPERATIONS)
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)))) == names


def test_readme_and_operations_list_every_command_of_the_canary() -> None:
    group = typer.main.get_command(canary)
    assert isinstance(group, typer.core.TyperGroup)
    shown = re.findall(r"^    soulprint canary (\w+)(.*)$", OPERATIONS, re.MULTILINE)
    assert {name for name, _ in shown} == set(group.commands)
    for name, arguments in shown:  # as they stand there they can be typed
        words = shlex.split(arguments, comments=True)
        group.commands[name].make_context(name, words[: words.index("<")] if "<" in words else words)
    assert _in_readme("canary") == set(group.commands)


@pytest.mark.parametrize(("name", "commands"), [("replay", replay), ("dead", dead), ("profile", profile)])
def test_readme_and_its_page_list_every_command_of_replays(name: str, commands: typer.Typer) -> None:
    group = typer.main.get_command(commands)
    assert isinstance(group, typer.core.TyperGroup)
    assert _in_readme(name) == set(group.commands)
    assert set(re.findall(rf"^soulprint {name} (\w+)", REPLAY, re.MULTILINE)) == set(group.commands)


def _in_readme(name: str) -> set[str]:
    """The commands of a group that README lists."""
    (listed,) = re.findall(rf"(?s)    soulprint {name} (.+?)\n(?:\n|    soulprint )", README)
    return {re.split(r"\W", each)[0] for each in re.split(r"\s+\|\s", listed)}
