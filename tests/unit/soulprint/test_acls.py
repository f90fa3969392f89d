from __future__ import annotations

import json
import shlex

import pytest

from shared.domain.errors import UsageError
from shared.log.kafka.rights import LOGINS, Right, rights_of
from soulprint.acls import acls_command

TOOL = ["kafka-acls.sh", "--bootstrap-server", "localhost:9092", "--command-config", "admin.properties"]


def granted(line: str) -> tuple[str, set[Right]]:
    """What a printed command grants, to whom."""
    words = shlex.split(line)
    assert words[:6] == [*TOOL, "--add"]
    (_, principal, _, operation), rest = words[6:10], words[10:]
    assert words[6::2][:2] == ["--allow-principal", "--operation"]
    return (
        principal,
        {
            Right(operation, kind.removeprefix("--"), name)  # type: ignore[arg-type]
            for kind, name in zip(rest[::2], rest[1::2], strict=True)
        },
    )


def test_commands_grant_each_login_what_it_needs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOULPRINT_KAFKA_PREFIX", "staging.")
    acls_command([], "User:CN={}, O='us'", as_json=False)
    found: dict[str, set[Right]] = {}
    for line in capsys.readouterr().out.splitlines():
        if not line.startswith("# "):
            principal, rights = granted(line)
            found.setdefault(principal, set()).update(rights)
    assert found == {
        f"User:CN={login}, O='us'": {right.prefixed("staging.") for right in rights_of(login, "v2")}
        for login in LOGINS
    }


def test_one_login_may_be_several_services(capsys: pytest.CaptureFixture[str]) -> None:
    acls_command(["router", "writer"], "User:all", as_json=True)
    listed = json.loads(capsys.readouterr().out)
    assert {(each["login"], each["principal"]) for each in listed} == {
        ("router", "User:all"),
        ("writer", "User:all"),
    }
    read = {"login": "writer", "principal": "User:all"}
    assert read | {"operation": "Read", "kind": "group", "name": "soulprint.v2.writer"} in listed


def test_a_login_that_there_is_not_is_told() -> None:
    with pytest.raises(UsageError, match=r"there is no login extracter; there are gateway, .*, ops"):
        acls_command(["extracter"], "User:{}", as_json=False)
