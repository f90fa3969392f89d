"""The package before any work: what importing it costs, what it names, and what the bare command answers."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from importlib.metadata import version
from typing import get_args

import pytest

import soulprint
from soulprint.main import Section

HEAVY = {
    "aiokafka", "anthropic", "asyncpg", "faststream", "httpx2", "ijson", "pydantic", "services", "shared",
    "structlog",
}  # fmt: skip
"""What no bare start may import."""


def answer(*command: str, **environment: str) -> str:
    """Standard output of a Python of its own."""
    ended = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def imported_by(code: str) -> set[str]:
    return set(answer("-c", f"{code}\nimport sys; print(*sys.modules)").splitlines()[-1].split())


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert not imported_by("import soulprint") & HEAVY


def test_the_help_is_printed_without_anything_heavy() -> None:
    code = "import sys; sys.argv = ['soulprint', '-h']\nfrom soulprint.main import app\n"
    assert not imported_by(f"{code}app(standalone_mode=False)") & HEAVY


def test_errors_alone_load_neither_log_nor_model_nor_database() -> None:
    loaded = imported_by("from soulprint import SoulprintError")
    assert not loaded & (HEAVY - {"pydantic", "shared"})
    assert not any(name.startswith(("shared.models", "shared.log", "shared.store")) for name in loaded)


def test_a_run_on_this_machine_loads_no_client_of_another() -> None:
    loaded = imported_by("import soulprint.run, shared.store.open, shared.host.services")
    assert "asyncpg" in loaded
    assert not loaded & {"httpx2"}


@pytest.mark.parametrize("name", soulprint.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(soulprint, name)
    assert name in dir(soulprint)
    assert found.__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_it"):
        soulprint.nothing_like_it  # type: ignore[attr-defined]  # noqa: B018


def test_the_version_is_one() -> None:
    assert version("soulprint") == soulprint.__version__
    for module in ("soulprint", "soulprint.main"):  # the second is where one may look for it
        assert answer("-m", module, "--version") == f"soulprint {soulprint.__version__}\n"


@pytest.mark.slow
@pytest.mark.parametrize("command", [[], ["run"], ["show"], ["topics"], ["topics", "create"]])
def test_help_is_short_and_long_everywhere(command: list[str]) -> None:
    assert answer("-m", "soulprint", *command, "-h") == answer("-m", "soulprint", *command, "--help")


def test_a_shell_can_complete_commands_and_sections() -> None:
    def completed(words: str) -> list[str]:
        return answer(
            "-m",
            "soulprint",
            _SOULPRINT_COMPLETE="complete_bash",
            COMP_WORDS=words,
            COMP_CWORD=str(words.count(" ")),
        ).split()

    assert completed("soulprint s") == ["show", "serve", "submit", "status"]
    assert completed("soulprint show --section ") == [field.name for field in fields(soulprint.Sections)]


def test_the_sections_of_the_command_are_those_of_the_api() -> None:
    assert get_args(Section) == tuple(field.name for field in fields(soulprint.Sections))
