"""What a model wrote of the same facts is recalled, for its own user alone, and only of exactly the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from services.consolidator.recalling import RecalledWriting
from shared.domain.errors import StoreError
from shared.domain.events import Usage
from shared.domain.runs import RunKey
from shared.models.base import LINE_TOKENS, Digest
from shared.store.store import Store
from tests.claude.test_writing import FACTS, SAMPLE, settled
from tests.support.fake_claude.fixtures import fake_claude, model_at
from tests.support.fake_claude.server import FakeClaude
from tests.support.records import ANNA, BORIS, IMPORT

DIGEST = Digest(FACTS, 3)
BUDGET = 40 * LINE_TOKENS
OTHER = FACTS[0].model_copy(update={"statement": "I know the village of Melto-9999 well."})


class Run:
    """A run that writes with a model at the stand-in."""

    def __init__(self, store: Any, model: Any, fake: FakeClaude, user: Any = ANNA, run: int = 1) -> None:
        self.writer = RecalledWriting(model, store, user, RunKey(IMPORT, run))
        self._fake = fake

    async def everything(self, digest: Digest = DIGEST, sample: Any = SAMPLE) -> tuple[Any, int]:
        """A reduction, MEMORY and sections, and how many calls they took."""
        before = self._fake.accounts.requests
        reduced = await self.writer.reduce([settled(n) for n in range(100)], 20 * LINE_TOKENS)
        body, spent = await self.writer.memory(digest, BUDGET)
        sections, more = await self.writer.sections(digest, sample)
        calls = self._fake.accounts.requests - before
        usage = reduced.usage + spent + more
        assert usage.calls == calls
        assert calls or usage == Usage()
        return (replace(reduced, usage=Usage()), body, sections), calls


async def test_the_same_is_asked_once_and_answered_alike(store: Store) -> None:
    async with fake_claude() as fake, model_at(fake) as model, model_at(fake) as later:
        made, calls = await Run(store, model, fake).everything()
        assert calls == 3
        assert await Run(store, later, fake, run=2).everything() == (made, 0)


async def test_another_user_another_fact_sample_or_budget_another_model_and_other_prompts_ask(
    store: Store,
) -> None:
    async with (
        fake_claude() as fake,
        model_at(fake) as model,
        model_at(fake, model="claude-sonnet-5-5") as dear,
    ):
        run = Run(store, model, fake)
        await run.everything()
        assert (await Run(store, model, fake, user=BORIS).everything())[1] == 3
        assert (await Run(store, dear, fake).everything())[1] == 3
        assert (await run.everything(Digest((OTHER, *FACTS[1:]), 3)))[1] == 2
        assert (await run.everything(Digest(FACTS[::-1], 3)))[1] == 2
        assert (await run.everything(sample=[replace(SAMPLE[0], excerpts=("Else.",))]))[1] == 1
        before = fake.accounts.requests
        await run.writer.memory(DIGEST, BUDGET + LINE_TOKENS)
        assert fake.accounts.requests == before + 1
        model.writing_version = "write-of-tomorrow"
        assert (await run.everything())[1] == 3


async def test_what_the_fallback_wrote_is_asked_for_again(store: Store) -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        run = Run(store, model, fake)
        fake.faults.script(["refusal"] * 3)
        others, calls = await run.everything()
        assert (calls, len(model.fallbacks)) == (3, 3)
        made, calls = await run.everything()
        assert calls == 3
        assert made != others
        assert await run.everything() == (made, 0)


async def test_what_cannot_be_kept_is_served_and_what_cannot_be_read_is_asked_for_again(
    store: Store,
) -> None:
    class Full(Store):
        async def keep_writing(self, *_: Any, **__: Any) -> None:
            raise StoreError("keep_writing: the disk is full")

    full = Full(store._transport)
    async with fake_claude() as fake, model_at(fake) as model:
        made, _ = await Run(full, model, fake).everything()
        assert await Run(store, model, fake).everything() == (made, 3)
        await store.keep_writing(
            *(ANNA, model.name, model.writing_version, "d"),
            part="memory",
            answer={},
            import_id=IMPORT,
            run=1,
            most=9,
        )
        run = Run(store, model, fake)
        odd = Store(store._transport)

        async def other(*_: Any, **__: Any) -> dict[str, Any]:
            return {"facts": [str(uuid4())], "left_out": "some", "body": None, "soul": 7}

        odd.recall_writing = other  # type: ignore[method-assign, assignment]
        assert (await Run(odd, model, fake).everything())[1] >= 2
        assert await run.everything() == (made, 0)


async def test_of_a_user_those_are_kept_that_were_used_last(store: Store) -> None:
    async def keep(digest: str, user: Any = ANNA) -> None:
        await store.keep_writing(
            user, "m", "w", digest, part="memory", answer={"n": digest}, import_id=IMPORT, run=1, most=3
        )

    async def held(user: Any = ANNA) -> list[str]:
        return [
            digest
            for digest in "abcde"
            if await store.recall_writing(user, "m", "w", digest, import_id=IMPORT, run=1)
        ]

    for digest in "abc":
        await keep(digest)
    await keep("a", BORIS)
    assert await store.recall_writing(ANNA, "m", "w", "a", import_id=IMPORT, run=2) == {"n": "a"}
    await keep("d")
    assert await held() == ["a", "c", "d"]
    assert await held(BORIS) == ["a"]
