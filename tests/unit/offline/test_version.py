"""The version of the rules changes with any byte of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared.models.offline import version
from shared.models.offline.rulebook import RULES
from shared.models.offline.version import RULE_MODULES, rules_version

PACKAGE = "shared.models.offline."
NOT_RULES = {"worker", "frames"}


def test_the_version_covers_exactly_what_a_worker_imports() -> None:
    code = f"import sys, {PACKAGE}worker; print(*sorted(m for m in sys.modules))"
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    own = {name.removeprefix(PACKAGE) for name in listed if name.startswith(PACKAGE)}
    assert own - NOT_RULES == set(RULE_MODULES)
    assert not {"pydantic", "shared.domain.events", "shared.domain.facts"} & set(listed)


def test_a_changed_rule_changes_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(version.__file__).parent
    for name in RULE_MODULES:
        (tmp_path / f"{name}.py").write_bytes((folder / f"{name}.py").read_bytes())
    monkeypatch.setattr(version, "__file__", str(tmp_path / "version.py"))
    before = rules_version()
    with (tmp_path / "rules_home.py").open("a", encoding="utf-8") as module:
        module.write("\n")
    assert len(before) == 12
    assert rules_version() != before


def test_rule_names_are_unique_and_categories_known() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    assert {rule.category for rule in RULES} == {"preferences", "projects", "dates", "beliefs", "decisions"}
