"""Whatever breaks in whichever service, and whatever the exception says: nothing of it is told anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from shared.host.host import Host
from shared.pipelines import SERVICES, places_of, topics_of
from shared.resilience.backoff import Backoff
from shared.store.store import Store
from tests.support.face import KEYED, OPENED
from tests.support.local import LocalSetting
from tests.support.services import hosted
from tests.support.strangers import Breaking, marked, whole_log
from tests.support.waiting import until

PATHS = ("/livez", "/readyz", "/metrics")
ASKED = ("/health", "/imports", f"/profiles/{uuid4()}", "/nowhere")


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be tried again after up to a minute is after a hundredth of that."""
    for module in ("shared.log.policy", "shared.resilience.retry"):
        monkeypatch.setattr(f"{module}.Backoff", lambda base, cap: Backoff(base / 100, cap / 100))
    monkeypatch.setattr("shared.host.services._REST", 0.1)
    monkeypatch.setattr("shared.host.services.LEAST_GRACE", 0.1)


async def ask(host: Host) -> str:
    """All that the process answers over HTTP: its health, its metrics, its face."""
    said = []
    async with httpx2.AsyncClient(headers=KEYED, trust_env=False, timeout=30) as client:
        for port, paths in ((host.port, PATHS), (host.public_port, ASKED)):
            for path in paths:
                answer = await client.get(f"http://127.0.0.1:{port}{path}")
                said.append(f"{answer.status_code} {answer.headers} {answer.text}")
        body = {"user_id": str(uuid4()), "source": "exports/a.zip"}
        answer = await client.post(f"http://127.0.0.1:{host.public_port}/imports", json=body)
        said.append(f"{answer.status_code} {answer.headers} {answer.text}")
    return "\n".join(said)


async def stored(sql: asyncpg.Connection) -> str:
    """All that the database keeps of SoulPrint's."""
    names = await sql.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows: list[Any] = []
    for (name,) in names:
        rows += await sql.fetch(f'SELECT t::text FROM public."{name}" t')
    return "\n".join(str(row[0]) for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["stage", "store", "rows", "extract", "write"])
async def test_nothing_of_what_broke_is_told(
    part: str, setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    setting.changes |= OPENED | {"dead_letter_seconds": 0.2}
    breaking = Breaking()
    openers = {name: breaking.opener(name, part) for name in SERVICES}
    places = places_of(SERVICES, "v2")
    events = {spec.name: spec.event for pipeline in ("v1", "v2") for spec in topics_of(pipeline)}
    asked = {"extract": {"extractor"}, "write": {"consolidator"}}.get(part)
    expected = asked or {place.label for place in places}
    with whole_log() as written:
        async with hosted(setting, list(SERVICES), **openers) as host:
            if asked:  # the model is, within a whole import
                breaking.on.set()
                await setting.import_of(exports / "small.zip")
            else:
                user_id, import_id = uuid4(), uuid4()
                await store.accept_import(import_id, user_id, str(exports / "small.zip"), "v2")
                breaking.on.set()
                for place in places:
                    if place.spec.reads is not None:
                        to = place.spec.topic(place.pipeline)
                        event = marked(events[to], import_id, user_id)
                        await setting.publish(to, event)
            answers = [await ask(host)]

            def broken() -> bool:
                return {name for name, count in breaking.met.items() if count > 2} >= expected

            broken.__doc__ = f"each of {sorted(expected)} broke"
            try:
                await until(broken, 20)
            except AssertionError:
                raise AssertionError(f"{breaking.met} {written.getvalue()[-6000:]}") from None
            answers.append(await ask(host))
            kept = await stored(sql)
    letters = [
        f"{letter.headers()} {letter.message} {letter.reason}"
        for spec in (*topics_of("v1"), *topics_of("v2"))
        for letter in setting.log.letters(spec.name)
    ]
    seen = {
        "log": written.getvalue(),
        "answers": "\n".join(answers),
        "stored": kept,
        "letters": "\n".join(letters),
    }
    for where, text in seen.items():
        at = text.find("MARKED")
        assert at < 0, f"{where}: {text[max(0, at - 300) : at + 300]}"
    assert part == "rows" or "Error at " in seen["log"]
