"""Pages that list what the code has list all of it, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from shared.exports.formats.registry import FORMATS
from shared.pipelines import SERVICES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
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
    assert rows == [(name, spec.topic("v2"), spec.group("v2")) for name, spec in SERVICES.items()]


def test_the_help_of_serve_names_every_service() -> None:
    *others, last = SERVICES
    assert f'help="{", ".join(others)} or {last}."' in COMMANDS
