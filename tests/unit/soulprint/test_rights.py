"""What logins need on Kafka, and that docs/security.md says just that. PAGES=write has the tables written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from shared.log.kafka.rights import APP, COMMANDS, LOGINS, OPS, Right, fed_with, rights_of
from shared.pipelines import SERVICES, all_topics, live_topics, places_of
from soulprint.acls import acls_command

PAGE = Path(__file__).parents[3] / "docs" / "security.md"
_DEAD = {spec.dead.name for spec in live_topics("v2")}
_LIVE = {spec.name for spec in live_topics("v2")}


def _listed(names: Iterable[str]) -> str:
    left, said = set(names), []
    words = {"every topic": _LIVE | _DEAD, "every topic but `.dlq`": _LIVE, "every `.dlq`": _DEAD}
    for word, every in words.items():
        if every <= left:
            said.append(word)
            left -= every
    return ", ".join([f"`{name}`" for name in sorted(left)] + said) or "-"


def _of(rights: Iterable[Right], operation: str, kind: str = "topic") -> set[str]:
    return {right.name for right in rights if (right.operation, right.kind) == (operation, kind)}


def _logins() -> Iterable[str]:
    for login in LOGINS:
        if login != OPS:
            rights = rights_of(login, "v2")
            assert {right.operation for right in rights} <= {"Read", "Write"}
            groups = _listed(_of(rights, "Read", "group"))
            yield f"| {login} | {_listed(_of(rights, 'Read'))} | {_listed(_of(rights, 'Write'))} | {groups} |"


def _commands() -> Iterable[str]:
    for command, needs in COMMANDS.items():
        said = []
        rights = needs("v2")
        for operation in ("Create", "Describe", "DescribeConfigs", "Read", "Write"):
            if topics := _of(rights, operation):
                said.append(f"{operation}: {_listed(topics)}")
            if groups := _of(rights, operation, "group"):
                every = groups == _of(COMMANDS["doctor"]("v2"), "Describe", "group")
                said.append(f"{operation}: {'every group' if every else f'the group {_listed(groups)}'}")
        yield f"| `{command}` | {'; '.join(said)} |"


@pytest.mark.parametrize(("head", "rows"), [("login", [*_logins()]), ("command", [*_commands()])])
def test_the_page_tells_what_each_login_and_each_command_needs(head: str, rows: list[str]) -> None:
    text = PAGE.read_text("utf-8")
    found = re.search(rf"(?<=\n)\| {head} \|[^\n]*\n\|[-|]+\|\n((?:\|[^\n]*\n)*)", text)
    assert found is not None
    written = "".join(f"{row}\n" for row in rows)
    if os.environ.get("PAGES") == "write":
        PAGE.write_text(text[: found.start(1)] + written + text[found.end(1) :], "utf-8")
    else:
        assert found[1] == written, "PAGES=write writes it"


def test_the_page_shows_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    acls_command(["chunker"], "User:soulprint-{}", as_json=False)
    printed = "".join(f"    {line}\n" for line in capsys.readouterr().out.splitlines())
    text = PAGE.read_text("utf-8")
    found = re.search(r"    # chunker\n(?:    kafka-acls.sh[^\n]+\n)+", text)
    assert found is not None
    if os.environ.get("PAGES") == "write":
        PAGE.write_text(text.replace(found[0], printed), "utf-8")
    else:
        assert found[0] == printed, "PAGES=write writes it"


def test_a_service_may_read_what_it_reads_and_write_what_it_writes() -> None:
    for service in SERVICES:
        rights = rights_of(service, "v3")
        for place in places_of([service], "v3"):
            assert set(place.publishes) <= _of(rights, "Write")
            if place.spec.reads is not None:
                reads = place.spec.topic(place.pipeline)
                assert {reads, f"{reads}.dlq"} <= _of(rights, "Read")
                assert f"{reads}.dlq" in _of(rights, "Write")
                assert place.spec.group(place.pipeline) in _of(rights, "Read", "group")


def test_what_nobody_needs_nobody_may() -> None:
    """An app may ask for imports, and nothing else; nobody but the router reads what it asks."""
    assert rights_of(APP, "v2") == {Right("Write", "topic", "import.received")}
    readers = [login for login in LOGINS if "import.received" in _of(rights_of(login, "v2"), "Read")]
    assert readers == ["router", OPS]
    assert _of(rights_of("writer", "v2"), "Write") == {"memory.ready.v2.dlq"}
    for login in SERVICES:
        assert "import.received" not in _of(rights_of(login, "v2"), "Write")


def test_ops_may_do_what_every_command_does_and_see_what_is_fed() -> None:
    every = {spec.name for spec in all_topics("v3")}
    assert _of(rights_of(OPS, "v3"), "Create") == every
    assert fed_with("v3") <= rights_of(OPS, "v3")


def test_names_have_the_deployments_prefix() -> None:
    right = Right("Read", "group", "soulprint.router")
    assert str(right.prefixed("staging.")) == "Read on the group staging.soulprint.router"
