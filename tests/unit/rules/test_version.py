"""The version of the rules changes with any byte of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import copytree

from shared.models.rules.version import RULE_MODULES, SHARED, rules_version

NOT_RULES = {"domain", "english", "models", "models.rules", "models.rules.worker", "models.rules.frames"}


def test_the_version_covers_exactly_what_a_worker_imports() -> None:
    code = "import sys, shared.models.rules.worker; print(*sorted(m for m in sys.modules))"
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    own = {name.removeprefix("shared.") for name in listed if name.startswith("shared.")}
    assert own - NOT_RULES == set(RULE_MODULES)
    assert "pydantic" not in listed


def test_a_changed_rule_changes_the_version(tmp_path: Path) -> None:
    copy = copytree(SHARED, tmp_path / "shared")
    before = rules_version(copy)
    with (copy / "models" / "rules" / "guards.py").open("a", encoding="utf-8") as module:
        module.write("\n")
    assert len(before) == 12
    assert rules_version() == before != rules_version(copy)


def test_learned_weights_change_it_too(tmp_path: Path) -> None:
    copy = copytree(SHARED, tmp_path / "shared")
    before = rules_version(copy)
    with (copy / "english" / "gate" / "weights.json").open("a", encoding="utf-8") as weights:
        weights.write(" ")
    assert rules_version(copy) != before
