"""A model's writing, of which what it wrote of the same before is recalled: it is paid for once."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Protocol, TypeVar
from uuid import UUID

import orjson
import structlog
from pydantic import ValidationError

from shared.domain.discreet import adapter_of
from shared.domain.errors import StoreError
from shared.domain.events import Sections, Usage
from shared.domain.facts import SettledFact
from shared.domain.runs import RunKey
from shared.domain.sample import SampleConversation
from shared.models.base import Digest, Metered, Writes
from shared.store.writing import WritingPart

MOST_KEPT = 256
"""Answers that are kept of a user: of some 60 runs, or of one of a quarter of a million facts."""
T = TypeVar("T")
_IDS = adapter_of(list[UUID])

log = structlog.get_logger(__name__)


class RecallingStore(Protocol):
    """What recalling asks of the store; `shared.store.store.Store` documents each."""

    async def recall_writing(
        self, user_id: UUID, model: str, version: str, digest: str, *, import_id: UUID, run: int
    ) -> dict[str, Any] | None: ...

    async def keep_writing(
        self,
        user_id: UUID,
        model: str,
        version: str,
        digest: str,
        *,
        part: WritingPart,
        answer: dict[str, Any],
        import_id: UUID,
        run: int,
        most: int,
    ) -> None: ...


class MeteredWriter(Writes, Metered, Protocol):
    """A model that writes, and whose calls cost something."""


class RecalledWriting:
    """Writes for one run as `model` does, and asks it nothing that it has answered for the user before. What
    another wrote in the model's place is not kept."""

    def __init__(self, model: MeteredWriter, store: RecallingStore, user_id: UUID, key: RunKey) -> None:
        self._model = model
        self._store = store
        self._user_id = user_id
        self._key = key

    async def reduce(self, facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
        """See Model."""
        given = {fact.id: fact for fact in facts}

        def read(answer: dict[str, Any]) -> Digest:
            kept = tuple(given[each] for each in _IDS.validate_python(answer["facts"]))
            return Digest(kept, int(answer["left_out"]))

        async def ask() -> tuple[Digest, Usage]:
            digest = await self._model.reduce(facts, budget_tokens)
            return digest, digest.usage

        def told(digest: Digest) -> dict[str, Any]:
            return {"facts": [str(fact.id) for fact in digest.facts], "left_out": digest.left_out}

        asked = _digest("reduce", budget_tokens, facts)
        digest, _ = await self._recalled("reduce", asked, ask, told, read)
        return digest

    async def memory(self, digest: Digest, budget_tokens: int) -> tuple[str, Usage]:
        """See Model."""

        async def ask() -> tuple[str, Usage]:
            return await self._model.memory(digest, budget_tokens)

        asked = _digest("memory", budget_tokens, digest.facts, digest.left_out)
        return await self._recalled(
            "memory", asked, ask, lambda body: {"body": body}, lambda answer: str(answer["body"])
        )

    async def sections(self, digest: Digest, sample: Sequence[SampleConversation]) -> tuple[Sections, Usage]:
        """See Model."""

        async def ask() -> tuple[Sections, Usage]:
            return await self._model.sections(digest, sample)

        asked = _digest("sections", 0, digest.facts, digest.left_out, sample)
        return await self._recalled(
            "sections", asked, ask, lambda made: made.model_dump(mode="json"), Sections.model_validate
        )

    async def _recalled(
        self,
        part: WritingPart,
        digest: str,
        ask: Callable[[], Awaitable[tuple[T, Usage]]],
        told: Callable[[T], dict[str, Any]],
        read: Callable[[dict[str, Any]], T],
    ) -> tuple[T, Usage]:
        name = (self._user_id, self._model.name, self._model.writing_version, digest)
        of_run = self._key._asdict()
        known = await self._store.recall_writing(*name, **of_run)
        if known is not None:
            with suppress(KeyError, TypeError, ValueError, ValidationError):  # as another version wrote it
                return read(known), Usage()
        before = len(self._model.fallbacks)
        made, usage = await ask()
        if usage.calls and len(self._model.fallbacks) == before:
            try:
                await self._store.keep_writing(*name, part=part, answer=told(made), most=MOST_KEPT, **of_run)
            except StoreError as error:  # what was paid for is still there to be served
                log.warning("an answer was not kept", part=part, error=str(error), **_told(self._key))
        return made, usage


def _told(key: RunKey) -> dict[str, Any]:
    return {"import_id": str(key.import_id), "run": key.run}


def _digest(
    part: WritingPart,
    budget_tokens: int,
    facts: Sequence[SettledFact],
    left_out: int = 0,
    sample: Sequence[SampleConversation] = (),
) -> str:
    """Of exactly what is asked, in its order. Texts are delimited by what JSON escapes."""
    asked = hashlib.blake2b(digest_size=20)
    asked.update(orjson.dumps([part, budget_tokens, left_out, len(facts)]))
    for fact in facts:
        asked.update(fact.model_dump_json().encode("utf-8", "surrogatepass"))
    for conversation in sample:
        asked.update(orjson.dumps(asdict(conversation)))
    return asked.hexdigest()
