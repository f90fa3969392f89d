"""The Python API: what the documents show is executed, and it answers what the files of the run hold."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

import soulprint
from soulprint import sync
from soulprint.facts import as_json
from tests.support.command import SECONDS, Soulprint, facts, report

ROOT = Path(__file__).parents[2]
OUT = "my-memory"


def shown_in(document: str) -> str:
    """The script that a document shows."""
    text = (ROOT / document).read_text("utf-8")
    return text.split("<!-- script:begin -->\n```python\n")[1].split("```\n<!-- script:end -->")[0]


def executed(script: str, folder: Path, home: Soulprint) -> str:
    """What `script` prints, started in `folder` beside the sample, as my-export.zip."""
    shutil.copy(ROOT / "examples" / "export.zip", folder / "my-export.zip")
    (folder / "script.py").write_text(script)
    ended = subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env=home.environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def read(shared_home: Soulprint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the run of the README's script left its files."""
    folder = tmp_path_factory.mktemp("readme")
    printed = executed(shown_in("README.md"), folder, shared_home)
    assert "I gave up coffee on New Year's Day" in printed
    return folder / OUT


async def test_the_quickstart_script_tells_the_run_the_facts_and_where_they_come_from(
    read: Path, shared_home: Soulprint, tmp_path: Path
) -> None:
    printed = executed(shown_in("docs/quickstart.md"), tmp_path, shared_home)
    known = facts(read)
    assert printed.startswith(
        f"complete {len(known)} {report(read)['coverage']}\n{(read / 'USER.md').read_text('utf-8')}"
    )
    assert all(fact["statement"] in printed for fact in known)


async def test_a_memory_holds_what_the_files_hold(read: Path, shared_home: Soulprint) -> None:
    async with soulprint.open_memory("me", home=shared_home.home) as memory:
        assert [as_json(fact) async for fact in memory.facts()] == facts(read)
        for name, text in asdict(memory.sections).items():
            file = (read / f"{name.upper()}.md").read_text("utf-8")
            assert file == text or (not text and "Nothing in this export" in file)
        assert str(memory.user_id) == report(read)["user_id"]


async def test_a_fact_is_asked_for_in_every_form_it_is_known_by(read: Path, shared_home: Soulprint) -> None:
    async with soulprint.open_memory("me", home=shared_home.home) as memory:
        fact = (await memory.search("gave up COFFEE")).facts[0]
        short = str(fact.id)[:8]
        assert f"[f:{short}]" in memory.sections.memory
        forms = (fact, fact.id, str(fact.id), short, f"f:{short}", f"[f:{short}]", f" [f:{short}]\n")
        origins = [await memory.why(form) for form in forms]
        assert {(origin.fact.id, origin.quote) for origin in origins} == {(fact.id, fact.quote)}
        assert origins[0].before or origins[0].after
        shared_start = max("0123456789abcdef", key=[str(each["id"])[0] for each in facts(read)].count)
        with pytest.raises(soulprint.NotFoundError, match="no fact's id"):
            await memory.why("[f:zz]")
        with pytest.raises(soulprint.UsageError, match="give more of the id"):
            await memory.why(shared_start)
    shown = shared_home("show", "--why", f"[f:{short}]")
    assert fact.quote in shown.out, shown.err


async def test_what_is_not_there_or_not_known_is_said(read: Path, shared_home: Soulprint) -> None:
    with pytest.raises(soulprint.NotFoundError, match="no memory yet"):
        async with soulprint.open_memory("nobody", home=shared_home.home):
            pass
    with pytest.raises(soulprint.UsageError, match="no such setting: databse_url"):
        async with soulprint.open_memory("me", databse_url="postgresql://"):
            pass
    with pytest.raises(soulprint.UnreadableExportError, match=r"nothing\.zip"):
        await soulprint.run_export("nothing.zip", user="other", out=read / "other", home=shared_home.home)


def test_scripts_without_asyncio_get_the_same_and_may_stop_half_way(
    read: Path, shared_home: Soulprint
) -> None:
    with sync.open_memory("me", home=shared_home.home) as memory:
        first = next(memory.facts())
        assert as_json(first) == facts(read)[0]
        assert memory.why(first).fact == first
    with pytest.raises(soulprint.NotFoundError), sync.open_memory("nobody", home=shared_home.home):
        pass
