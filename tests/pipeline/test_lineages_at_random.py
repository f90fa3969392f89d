"""One person's accounts, imported in any order and several at once, cancelled and failed in between: what is
served is byte for byte what one import of each gives. CHAOS=1 tries many, of new seeds."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from services.chunker.configured import variant_of
from shared.domain.events import ImportReceived
from shared.domain.runs import RunKey
from shared.requests.accept import Terms, accept
from shared.requests.request import local_request
from shared.store.runs import RunRow
from shared.store.store import Store
from soulprint.facts import listed_facts
from soulprint.outputs import fact_line
from tests.support.databases import EMPTY, run_sql
from tests.support.histories import Histories, History
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted

CHAOS = bool(os.environ.get("CHAOS"))
FIRST = int(os.environ.get("LINEAGES_SEED", Random().randrange(10**6) if CHAOS else 0))
SEEDS = range(FIRST, FIRST + (100 if CHAOS else 4))
ANA = UUID(int=0xA)
DOCUMENTS = ("memory_md", "soul_md", "identity_md", "user_md", "agents_md", "tools_md", "soulprint_text")
_MARKER = re.compile(r"Zorvik-\d+")

Export = tuple[tuple[History, int], ...]
"""What one import reads: accounts, each in a version."""


@dataclass
class Imports:
    """Imports of one person, and what is to come of them."""

    setting: LocalSetting
    store: Store
    folder: Path
    begun: dict[RunKey, Export] = field(default_factory=dict)

    async def at_once(self, exports: Sequence[Export], fates: Sequence[str]) -> None:
        """Import these, each to its fate."""
        events: list[tuple[ImportReceived, str]] = []
        spoilt: dict[Path, bytes] = {}
        for export, fate in zip(exports, fates, strict=True):
            files = [history.export(self.folder, version) for history, version in export]
            settings = self.setting.settings()
            request = local_request(files, ANA, settings, export[0][0].name)
            accepted = await accept(request, self.store, settings, Terms(variant=variant_of(settings)))
            event, resumed = accepted.event, accepted.run.resumed
            self.begun[RunKey(event.import_id, event.run)] = export
            if fate == "fails" and not resumed and len(exports) == 1:
                spoilt |= {file: file.read_bytes() for file in files}
            events.append((event, fate))
        for file in spoilt:
            file.write_bytes(b"no export")
        for event, _ in events:
            await self.setting.publish(self.setting.entrance, event)
        for event, fate in events:
            if fate.startswith("cancelled"):
                await self._reaches(event, fate.split()[-1])
                await self.store.cancel_run(event.import_id, event.run)
        for event, _ in events:
            await ended(self.store, event)
        for file, content in spoilt.items():
            file.write_bytes(content)

    async def _reaches(self, event: ImportReceived, state: str) -> None:
        order = ["received", "chunking", "extracting", "consolidating"]
        while True:
            (run, *_) = [
                each for each in await self.store.list_runs(event.import_id) if each.run == event.run
            ]
            if run.ended or order.index(run.state) >= order.index(state):
                return

    async def counting(self) -> dict[str, Export]:
        """For each lineage, what the newest run that was served has of it."""
        found: dict[str, tuple[RunRow, Export]] = {}
        for run in await self.store.list_runs(limit=100):  # newest first
            assert run.state in ("complete", "unserved", "failed", "cancelled")
            assert run.unserved in (None, "older"), run
            export = self.begun[RunKey(run.import_id, run.run)]
            if run.state in ("complete", "unserved"):
                for history, _ in export:
                    known = found.get(history.key)
                    if known is None or known[0].requested_at < run.requested_at:
                        found[history.key] = run, tuple(each for each in export if each[0].key == history.key)
        return {key: found[key][1] for key in sorted(found)}

    async def served(self) -> dict[str, object]:
        """What is served, but for times of writing."""
        profile = await self.store.read_profile(ANA)
        assert profile is not None
        facts = b"".join([fact_line(fact) async for fact in listed_facts(self.store, ANA)])
        return {"facts": facts.decode(), **{name: getattr(profile, name) for name in DOCUMENTS}}


def drawn_steps(rng: Random, histories: Sequence[History]) -> list[tuple[list[Export], list[str]]]:
    """What is imported at once, step by step; every account in the end, each never in a version older than
    it was."""
    versions: Counter[int] = Counter()
    steps = []
    for number in range(rng.randint(3, 5)):
        chosen = rng.sample(histories, rng.randint(1, min(3, len(histories))))
        exports: list[Export] = []
        for history in chosen:
            versions[history.number] += number > 0 and rng.random() < 0.6
            version = min(versions[history.number], len(history.versions) - 1)
            exports.append(((history, version),))
        unnamed = [export for export in exports if export[0][0].name is None]
        if len(unnamed) > 1 and rng.random() < 0.5:  # one run of several files
            exports = [export for export in exports if export not in unnamed]
            exports.append(tuple(part for export in unnamed for part in export))
        fates = [
            rng.choice(["", "", "", "fails", "cancelled extracting", "cancelled consolidating"])
            for _ in exports
        ]
        steps.append((exports, fates))
    last = [((history, min(versions[history.number], len(history.versions) - 1)),) for history in histories]
    rng.shuffle(last)
    steps.append((list(last), [""] * len(last)))
    return steps


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_came_before_what_is_served_is_what_one_import_of_each_gives(
    setting: LocalSetting, store: Store, tmp_path: Path, seed: int
) -> None:
    rng = Random(seed)
    setting.root = tmp_path
    setting.changes |= {"chunk_tokens": rng.choice([200, 4000]), "sample_size": rng.choice([4, 200])}
    setting.changes |= {"sweep_seconds": 0.1, "stall_seconds": 0.3, "lease_seconds": 2}
    histories = Histories(rng).all
    imports = Imports(setting, store, tmp_path)
    for exports, fates in drawn_steps(rng, histories):
        async with hosted(setting):
            await imports.at_once(exports, fates)
        setting.lose_log()
    counting = await imports.counting()
    served = await imports.served()

    planted = {
        m for export in counting.values() for h, v in export for talk in h.versions[v] for m in talk.markers
    }
    found = Counter(
        marker for line in str(served["facts"]).splitlines() for marker in set(_MARKER.findall(line))
    )
    assert found.keys() == planted
    assert set(found.values()) == {1}

    await run_sql(setting.database, EMPTY)
    plain = Imports(setting, store, tmp_path)
    for export in counting.values():
        async with hosted(setting):
            await plain.at_once([export], [""])
        setting.lose_log()
    expected = await plain.served()
    for name, value in expected.items():
        assert served[name] == value, name
