"""Embeds many texts whatever is wrong with some of them or, for a time, with the server.

The server's faults are waited out, in a lane. Texts that it refuses are found by halves; one that is too long
for the model is shortened, one that cannot be embedded costs only itself. What the server turns out to take,
of texts in a call and of characters in a text, is kept to from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from shared.models.embeddings.client import Embedder
from shared.models.embeddings.failures import EmbeddingError
from shared.resilience.backoff import Backoff
from shared.resilience.faults import Fault
from shared.resilience.lane import Lane

SHORTEST = 64
"""Characters: a text that is refused and has no more is not too long."""
SHARE = 0.75
"""What is kept of a text that is too long, each time."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long calls are tried. Seconds."""

    attempts: int = 5
    """Of one call, before the server counts as down or, if it is not, its texts as the cause."""
    backoff: Backoff = field(default_factory=lambda: Backoff(base=0.5, cap=30.0))
    longest_wait: float = 300.0
    """Most that is waited because the server asks for it."""
    trials: Backoff = field(default_factory=lambda: Backoff(base=2.0, cap=60.0))
    lane: float | None = None
    """For a server that cannot be used; None: for ever."""


@dataclass(frozen=True, slots=True)
class Part:
    """What became of some of the texts, from the one at `first` on."""

    first: int
    vectors: Sequence[str] = ()
    """Empty: one text was refused, for `refused`."""
    tokens: int = 0
    cost: float | None = None
    refused: str = ""
    final: bool = True
    """Whether it would be refused again; else it may be asked for another day."""
    whole: bool = True
    """Whether no text was shortened."""


class Careful:
    """Embeds for many tasks at once. Used from one event loop only."""

    def __init__(self, embedder: Embedder, most: int, patience: Patience | None = None) -> None:
        self.embedder = embedder
        self.patience = patience or Patience()
        self.lane = Lane(name="embeddings", backoff=self.patience.trials)
        self.lane.watch(lambda paused: embedder.metrics.paused.set(float(paused)))
        self.most = most
        """Texts of one call."""
        self.longest: int | None = None
        """Characters that the model is known to take, where it refused more."""
        self._not_before = 0.0

    async def embedded(self, texts: Sequence[str]) -> AsyncGenerator[Part]:
        """Each of the texts, once, in parts and in order. Raises LaneError where patience has an end."""
        first = 0
        while first < len(texts):
            some = texts[first : first + self.most]
            async for part in self._of_some(first, some):
                yield part
            first += len(some)

    async def close(self) -> None:
        """Stop trying the server. Safe to call twice."""
        await self.lane.close()

    async def _of_some(self, first: int, texts: Sequence[str]) -> AsyncGenerator[Part]:
        """By one call if the server takes it, else by halves."""
        try:
            part = await self._answered(first, texts)
        except EmbeddingError as error:
            if len(texts) == 1:
                async for part in self._of_one(first, texts[0], error):
                    yield part
                return
        else:
            yield part
            return
        half = len(texts) // 2
        taken = True
        for begin, some in ((first, texts[:half]), (first + half, texts[half:])):
            async for part in self._of_some(begin, some):
                taken = taken and part.whole and len(part.vectors) == len(some)
                yield part
        if taken:  # nothing is wrong with any of them: they were too many
            self.most = max(1, min(self.most, len(texts) - half))

    async def _of_one(self, first: int, text: str, error: EmbeddingError) -> AsyncGenerator[Part]:
        """A text that was refused alone, shortened until it is taken, or refused."""
        learn = error.too_long
        text = text[: self.longest]
        while not error.doubtful and len(text) > SHORTEST:
            text = text[: int(len(text) * (SHARE if error.too_long else 0.5))]
            try:
                part = await self._answered(first, [text], whole=False)
            except EmbeddingError as again:
                error = again
                continue
            if learn:
                self.longest = len(text)
            yield part
            return
        yield Part(first, refused=error.outcome, final=not error.doubtful)

    async def _answered(self, first: int, texts: Sequence[str], *, whole: bool = True) -> Part:
        """One call, tried until it is answered. Raises EmbeddingError once the texts are to blame."""
        failures = 0
        asked = [text[: self.longest] for text in texts]
        while True:
            await self._enter()
            try:
                embedded = await self.embedder.embed(asked)
            except EmbeddingError as error:
                if await self._lies_in_texts(error, failures):
                    raise
                failures = await self._waited(error, failures)
            else:
                self.lane.succeeded()
                spent = self.embedder.spent(embedded)
                whole = whole and asked == list(texts)
                return Part(first, embedded.vectors, spent.tokens, spent.cost, whole=whole)

    async def _lies_in_texts(self, error: EmbeddingError, failures: int) -> bool:
        """Whether the server works, but not with these texts. One that says that they are too long is
        believed; else a harmless text tells."""
        if error.too_long:
            return True
        used_up = failures + 1 >= self.patience.attempts
        if error.fault is not Fault.POISON and not (error.doubtful and used_up):
            return False
        try:
            await self.embedder.trial()
        except EmbeddingError as of_trial:
            self.lane.trip(of_trial.reason)
            return False
        return True

    async def _waited(self, error: EmbeddingError, failures: int) -> int:
        """Wait for as long as such a fault is worth; answers how many there were in a row."""
        failures += 1
        if self.lane.paused:
            return 0
        if error.fault is not Fault.TRANSIENT or failures >= self.patience.attempts:
            self.lane.trip(error.reason)
            return 0
        wait = self.patience.backoff.delay(failures)
        if error.wait is not None:
            wait = max(wait, min(error.wait, self.patience.longest_wait))
        loop = asyncio.get_running_loop()
        if error.outcome == "rate_limited":  # all calls are meant
            self._not_before = max(self._not_before, loop.time() + wait)
        await asyncio.sleep(wait)
        return failures

    async def _enter(self) -> None:
        """Wait until calls may be made; try the server when it is this task's turn. Raises LaneError."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._not_before - loop.time())
        while await self.lane.enter(self.patience.lane):
            await self._try_lane()

    async def _try_lane(self) -> None:
        try:
            await self.embedder.trial()
        except EmbeddingError as error:
            self.lane.report(False, error.reason)
        except BaseException:
            self.lane.report(None)
            raise
        else:
            self.lane.reopen()
