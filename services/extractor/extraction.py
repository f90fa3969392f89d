"""The extractor: chunks in, grounded facts out; the cache answers for what was read before."""

from __future__ import annotations

from collections import Counter

from pydantic import ValidationError

from services.extractor.grounding import ground
from shared.domain.errors import ModelError
from shared.domain.events import ChunkReady, ChunkStatus, FactsExtracted, Usage
from shared.domain.facts import ABOUT_SELF, WITH_FACT
from shared.log.ports import OUT_OF_BOUNDS
from shared.models.base import Extraction, Model, PartlyReadError
from shared.resilience.faults import PoisonError
from shared.store.driving import CachedExtraction


def recalled(chunk: ChunkReady, known: CachedExtraction, model: Model) -> FactsExtracted:
    """The result of a chunk whose content `model` read before: it is not called. What was kept is grounded
    again, since it may be from before a rule of grounding."""
    grounded = ground(chunk, known.facts, own_words=model.own_words)
    dropped = dict(Counter(known.dropped) + grounded.dropped)
    return FactsExtracted.of(
        chunk, facts=tuple(grounded.facts), dropped=dropped, unread=known.unread, cached=True
    )


async def extract(chunk: ChunkReady, model: Model) -> FactsExtracted:
    """Read one chunk with `model` and ground what it says.

    A chunk with none of the person's words is finished without a call. A chunk the model can never
    answer (ModelError) is dead, with the reason and what it cost; of one it could read in part
    (PartlyReadError) the facts are kept. Every other error is the caller's to retry.
    """
    if not chunk.has_own_words:
        return FactsExtracted.of(chunk)
    try:
        return concluded(chunk, await model.extract(chunk), model)
    except ModelError as error:
        return concluded(chunk, error, model)


def concluded(chunk: ChunkReady, answer: Extraction | ModelError, model: Model) -> FactsExtracted:
    """What the answer of `model` for a chunk comes to, once it is grounded. Raises PoisonError for one that
    no event can hold: asked again, the model would say it again."""
    try:
        return _concluded(chunk, answer, model)
    except ValidationError as error:  # its message shows values
        field = ".".join(map(str, error.errors(include_input=False)[0]["loc"][:1]))
        raise PoisonError(OUT_OF_BOUNDS, f"what the model gave is out of bounds: {field}") from None


def _sentences(extraction: Extraction) -> dict[str, int]:
    """How much of what the person says of themselves gave facts, kept with the counts of the chunk."""
    if not extraction.about_self:
        return {}
    return {ABOUT_SELF: extraction.about_self, WITH_FACT: extraction.with_fact}


def _concluded(chunk: ChunkReady, answer: Extraction | ModelError, model: Model) -> FactsExtracted:
    if isinstance(answer, ModelError) and not isinstance(answer, PartlyReadError):
        usage = answer.usage or Usage()
        return FactsExtracted.of(chunk, ChunkStatus.DEAD, usage=usage, error=str(answer))
    extraction = answer.extraction if isinstance(answer, PartlyReadError) else answer
    grounded = ground(chunk, extraction.candidates, own_words=model.own_words)
    dead = isinstance(answer, PartlyReadError)
    return FactsExtracted.of(
        chunk,
        ChunkStatus.DEAD if dead else ChunkStatus.OK,
        facts=tuple(grounded.facts),
        dropped=dict(grounded.dropped) | _sentences(extraction),
        unread=extraction.unread,
        usage=extraction.usage,
        error=str(answer) if dead else None,
    )
