"""The package as it is installed: a wheel, with no checkout beside it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import soulprint
from tests.support.command import SECONDS, Soulprint, facts
from tests.support.exports import chain, json_of

ROOT = Path(__file__).parents[2]


def done(*command: str | Path, folder: Path, home: Soulprint | None = None) -> str:
    """Standard output of a command started in `folder`."""
    ended = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=None if home is None else home.environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel of this checkout; what it depends on is lent by ours.

    Our site-packages are a line in a .pth there, so that the .pth files in them, and with these the checkout,
    count for nothing.
    """
    folder = tmp_path_factory.mktemp("installed")
    uv = (sys.executable, "-m", "uv", "--quiet", "--no-cache", "--offline")
    build = ("build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder)
    done(*uv, *build, ROOT, folder=folder)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    done(*uv, "pip", "install", "--no-deps", "--no-index", "--python", python, wheel, folder=folder)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return environment / "bin"


def test_it_is_the_wheel_and_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = "import shared, services, soulprint; print(shared.__file__, services.__file__, soulprint.__file__)"
    files = done(installed / "python", "-c", code, folder=tmp_path).split()
    assert all(Path(file).is_relative_to(installed.parent) for file in files)
    assert all(Path(file).with_name("py.typed").exists() for file in (files[0], files[2]))
    told = done(installed / "soulprint", "--version", folder=tmp_path)
    assert told == f"soulprint {soulprint.__version__}\n"


def test_an_export_is_read_and_read_back_by_the_installed_command(
    installed: Path, shared_home: Soulprint, tmp_path: Path
) -> None:
    (tmp_path / "export.json").write_bytes(json_of([chain("I live in Lisbon.", "Noted!")]))
    command = installed / "soulprint"
    whose = ("--user", "somebody who has nothing else")
    done(command, "run", "export.json", "--out", "out", *whose, folder=tmp_path, home=shared_home)
    (fact,) = facts(tmp_path / "out")
    reference = f"[f:{fact['id'][:8]}]"
    assert reference in (tmp_path / "out" / "MEMORY.md").read_text("utf-8")
    assert fact["quote"] in done(
        command, "show", "--why", reference, *whose, folder=tmp_path, home=shared_home
    )
