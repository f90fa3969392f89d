"""Two vendors of one person with Claude as the model, at the stand-in: what was paid for is paid once, and
which came first shows in nothing that is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from soulprint.outputs import FILES, REPORT_FILE
from soulprint.run import run_into
from tests.exports.plants import FACTS, markers_in
from tests.support.databases import EMPTY, run_sql
from tests.support.exports import claude_chain, json_of
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fake_claude.server import FakeClaude
from tests.support.local import LocalSetting

RESULT = [name for name in FILES if name != REPORT_FILE]


@pytest.fixture
def claude(tmp_path: Path) -> Path:
    """An export of Claude's: some chunks, with a planted fact in each conversation."""
    said = [FACTS[number % len(FACTS)].format(n=f"Klaro-{7000 + number}") for number in range(30)]
    talks = [
        claude_chain(
            fact, "A good thought. " * 60, conversation_id=f"k{number}", at=f"2025-03-{number % 28 + 1:02}"
        )
        for number, fact in enumerate(said)
    ]
    path = tmp_path / "claude.json"
    path.write_bytes(json_of(talks))
    return path


async def imported(setting: LocalSetting, fake: FakeClaude, export: Path, out: Path) -> dict[str, Any]:
    """The report of a run, and the markers that the model was asked for in it."""
    before, fake.accounts.offered = fake.accounts.requests, set()
    report = await run_into(out, [export], "ana", setting.settings(), max_cost=None)
    requests = fake.accounts.requests - before
    assert report["coverage"] == 1.0
    return {**report, "offered": set(fake.accounts.offered), "requests": requests}


def planted(folder: Path) -> set[str]:
    text = (folder / "facts.jsonl").read_text("utf-8")
    return set(markers_in(text))


@pytest.mark.slow
async def test_the_second_vendor_costs_no_call_for_the_first_whichever_it_is(
    setting: LocalSetting, exports: Path, claude: Path, tmp_path: Path
) -> None:
    results = []
    async with fake_claude() as fake:
        setting.changes |= {
            "model": "claude",
            "anthropic_api_key": "test-key",
            "anthropic_base_url": fake.url,
            "chunk_tokens": 1000,
            "memory_tokens": 1000,
        }
        chatgpt = exports / "small.zip"
        for number, (first, second) in enumerate(((chatgpt, claude), (claude, chatgpt))):
            await run_sql(setting.database, EMPTY)
            out = tmp_path / f"out-{number}"
            one = await imported(setting, fake, first, out)
            had = planted(out)
            two = await imported(setting, fake, second, out)
            assert one["offered"]
            assert two["offered"]
            assert not one["offered"] & two["offered"]
            writing = two["requests"] - two["chunks"]["total"]
            assert writing >= 2, "MEMORY and the sections"
            again = await imported(setting, fake, second, out)
            assert (again["offered"], again["requests"]) == (set(), 0), "all is known, and was written before"
            assert had < planted(out)
            results.append({name: (out / name).read_bytes() for name in RESULT})
    for name in RESULT:
        assert results[0][name] == results[1][name], name
