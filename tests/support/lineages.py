"""Runs of lineages in the store as tests want them: read, claimed and committed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from shared.domain.runs import RunKey
from shared.domain.sample import SampleConversation
from shared.store.chunks import Chunking, ReadAccount
from shared.store.profiles import Commit
from shared.store.runs import RunReport
from shared.store.store import Store
from tests.support.records import (
    ANNA,
    MODEL,
    PROMPTS,
    SEED,
    PassageOf,
    commit,
    fact_of,
    memory_of,
    result_of,
    with_matter,
)
from tests.support.runs import begin_run

CHATGPT = ReadAccount("chatgpt", None, "chatgpt-old", conversations=2, messages=4, chunks=1)
CLAUDE = ReadAccount("claude", None, "claude-old", conversations=1, messages=2, chunks=1)


def known(vendor: str, lineage: str, history: str = "", **read: Any) -> ReadAccount:
    """An account of which the export has an id."""
    return ReadAccount(vendor, lineage, history or f"{vendor}-history", **({"conversations": 2} | read))


def import_named(name: str) -> UUID:
    return uuid5(SEED, f"import {name}")


class Run:
    """One run of ANNA's, an account a chunk."""

    def __init__(self, store: Store, name: str, user_id: UUID = ANNA) -> None:
        self.store = store
        self.import_id = import_named(name)
        self.user_id = user_id
        self.run = 1

    async def read(
        self,
        *accounts: tuple[ReadAccount, Sequence[str]],
        lineage: str | None = None,
        replace: bool = False,
        requested_at: datetime | None = None,
        sample: Sequence[SampleConversation] = (),
        facts: str = "",
    ) -> RunReport:
        """Read accounts, each with a fact in each of its conversations; `facts` begins their names."""
        store, user = self.store, self.user_id
        if requested_at is None:
            asked = await store.accept_import(
                self.import_id, user, "/a.zip", "v2", on_log=False, replace=replace, lineage=lineage
            )
            self.run = asked.run
        begun = await begin_run(store, self.import_id, user, "/a.zip", "v2", requested_at=requested_at)
        assert begun.run == self.run
        for number, (_, conversations) in enumerate(accounts):
            await store.save_chunks_batch(
                user,
                [PassageOf(name, account=number) for name in conversations],
                of_run=RunKey(self.import_id, self.run),
            )
            made = [fact_of(f"{facts}{name}", conversation_id=name) for name in conversations]
            result = result_of(
                number, made, import_id=self.import_id, run=self.run, user_id=user, account=number
            )
            await store.record_chunks([with_matter(result)], model=MODEL, prompt_version=PROMPTS)
        reading = Chunking(total=len(accounts), accounts=[account for account, _ in accounts], sample=sample)
        finished = await store.finish_chunking(self.import_id, self.run, reading)
        assert finished.ignored is None
        return await self.report()

    async def report(self) -> RunReport:
        report = await self.store.read_run(self.import_id, self.run)
        assert report is not None
        return report

    async def claim(self) -> int:
        claim = await self.store.claim_run(self.import_id, self.run, "me", 60)
        assert claim.claimed, claim.reason
        return claim.edition

    async def commit(self, edition: int | None = None, **memory: Any) -> Commit:
        if edition is None:
            edition = await self.claim()
        made = memory_of(self.run, import_id=self.import_id, user_id=self.user_id, edition=edition, **memory)
        return await commit(self.store, made)

    async def conversations(self) -> list[str]:
        """Where the facts are from that consolidation reads."""
        return sorted(fact.conversation_id for fact in await self.store.read_facts(self.import_id, self.run))


async def imported(store: Store, name: str, *accounts: tuple[ReadAccount, Sequence[str]], **how: Any) -> Run:
    run = Run(store, name)
    await run.read(*accounts, **how)
    committed = await run.commit()
    assert committed.written, committed.reason
    return run


def lineages(report: RunReport) -> list[str]:
    return [account.lineage for account in report.accounts]


def joined(report: RunReport) -> list[str]:
    return [account.lineage for account in report.joined]
