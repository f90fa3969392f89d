"""What is committed: nothing that a program left behind."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGEST = 512 * 1024
LEARNED = {"shared/english/gate/weights.json": 2 * 1024 * 1024}
"""Files that `make train` writes, with the most that each may hold."""
KNOWN = {
    ".ci", ".dockerignore", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE",
    "Makefile", "README.md", "SECURITY.md", "THIRD_PARTY_NOTICES", "bench", "data", "deploy",
    "docker-compose.yml", "docs", "examples", "pyproject.toml", "render.yaml", "renovate.json",
    "requirements-dev.lock", "requirements-supply.lock", "requirements-train.lock", "requirements.lock",
    "scripts", "services", "shared", "soulprint", "supabase", "tests",
}  # fmt: skip
"""What stands at the top; a home of a run by hand once did, too."""


def test_no_file_is_committed_that_nobody_wrote() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    assert {file.relative_to(ROOT).parts[0] for file in files} <= KNOWN
    sizes = {str(file.relative_to(ROOT)): file.stat().st_size for file in files if file.is_file()}
    assert not [name for name, size in sizes.items() if size > LEARNED.get(name, LARGEST)]
