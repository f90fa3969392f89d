"""Claude as a model: the protocol of shared.models.base over the API, or over a compatible server."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing

from shared.domain.errors import ModelError
from shared.domain.events import ChunkReady, Sections, Usage
from shared.domain.facts import SettledFact
from shared.domain.sample import SampleConversation
from shared.domain.text import BYTES_PER_TOKEN
from shared.models.base import Digest, Extraction, Fallback, Findings, ModelState, Outlook, Rates
from shared.models.claude.batches import Answer, BatchReader
from shared.models.claude.caller import Caller
from shared.models.claude.extraction import ChunkReader
from shared.models.claude.options import ClaudeOptions
from shared.models.claude.outlook import EXCERPT_SHARE, findings_of, writing, written
from shared.models.claude.prompts import EXTRACT
from shared.models.claude.usage import Tally
from shared.models.claude.writing import EXCERPT_CHARS, Writer, version_of_writing
from shared.models.ledger import BatchLedger
from shared.resilience.lane import Lane

OWED = 10_000
"""Most chunks whose unfinished attempts are remembered, by their hash; each is a few numbers."""
FACTS_RECKONED = (0, 1, *(round(10 * 1.25**step) for step in range(34)))
"""Facts of the memories that are forecast ahead: of more than the last, some 16,000, none costs more."""


class ClaudeModel:
    """Extracts, reduces and writes with Claude; `fallback` writes what it could not. Used from one event loop
    only.

    Raises ModelError (also PartlyReadError) for a chunk that can never be answered, ModelUnavailableError
    when the provider cannot be used, CostLimitError at the limit on cost. Raises UsageError when it is made
    without a key.
    """

    own_words = False
    sure_from = 0.6
    """The least that the prompt asks for: what follows from the person's words is no guess."""

    def __init__(self, options: ClaudeOptions, fallback: Fallback) -> None:
        self.options = options
        self.name = options.model
        self.prompt_version = EXTRACT.hash(options.model)
        self.writing_version = version_of_writing(options.model)
        self.ceiling = options.concurrency * 2
        """Twice the calls in flight: while one chunk waits to try again, another takes its place."""
        self._caller = Caller(options)
        self._reader = ChunkReader(self._caller)
        self._batches = BatchReader(self._caller, self._reader, self._alone, self.prompt_version)
        self._writer = Writer(self._caller, fallback)
        self._owed: OrderedDict[str, Usage] = OrderedDict()

    @property
    def spent(self) -> Usage:
        """All that this model's calls cost since it was made, to the token."""
        return self._caller.total.total

    @property
    def lane(self) -> Lane:
        """Paused while the provider cannot be used, and why."""
        return self._caller.lane

    @property
    def state(self) -> ModelState:
        """How it is now."""
        calls = self._caller.concurrency
        outcomes = dict(self._caller.outcomes)
        silent = self._caller.silent_since if calls.in_flight or self.lane.paused else None
        return ModelState(
            self.lane.trouble,
            self._caller.retrying,
            calls.in_flight,
            calls.limit,
            outcomes,
            self.spent,
            silent,
            self._caller.seconds_left,
        )

    async def answers(self) -> None:
        """Return if the provider can be used. Raises ModelUnavailableError."""
        await self._caller.answers()

    def count_in(self, earlier: Usage) -> None:
        """Earlier spending that the limit on cost binds as well."""
        self._caller.budget.count_in(earlier, self._reader.typical())

    @property
    def fallbacks(self) -> Sequence[str]:
        """Which parts of the result the fallback had to write, and why."""
        return tuple(self._writer.fallbacks)

    @property
    def refused(self) -> Mapping[str, int]:
        """Lines of MEMORY and sections that said more than what they name, by reason."""
        return dict(self._writer.refused)

    def forecast(self, chunk: ChunkReady) -> Usage:
        """What reading a chunk will likely take; nothing is sent."""
        if not chunk.has_own_words:
            return Usage()
        return self._reader.forecast(chunk)

    def outlook(self, chunk: ChunkReady) -> Outlook:
        """What reading a chunk may take; nothing is sent."""
        return self._reader.outlook(chunk) if chunk.has_own_words else Outlook()

    def findings(self, chunk: ChunkReady) -> Findings:
        """What the writing may have of it."""
        return findings_of(chunk)

    def outlook_writing(self, found: Findings, budget_tokens: int) -> Outlook:
        """What reduction, MEMORY and the sections may take of all that the chunks hold."""
        return writing(self.options, found, budget_tokens)

    def rates(self, budget_tokens: int) -> Rates:
        """The same forecasts, of chunks and memories that are not at hand."""
        options = self.options
        call, token = self._reader.rates()
        memories = [(facts, written(options, facts, 0, budget_tokens)) for facts in FACTS_RECKONED]
        excerpts = token[0] * EXCERPT_SHARE, token[0] * EXCERPT_CHARS / BYTES_PER_TOKEN
        return Rates(call, token, options.prices.each(self.name), memories, excerpts)

    @property
    def batch_factor(self) -> float:
        """What a call costs in a batch, of what it costs by itself; 1 for a model without a price."""
        price = self.options.prices.models.get(self.name)
        return 1.0 if price is None else price.batch_factor

    async def extract(self, chunk: ChunkReady) -> Extraction:
        """Candidates for one chunk."""
        return await self._extracted(chunk, Usage())

    async def _extracted(self, chunk: ChunkReady, paid: Usage) -> Extraction:
        owed = self._owed.pop(chunk.content_hash, Usage())
        tally = Tally(owed + paid, whole=self._caller.total)
        try:
            return await self._reader.read(chunk, tally)
        except ModelError:
            raise
        except BaseException:  # no answer yet: whoever asks again is told what this attempt cost
            if tally.total.calls or tally.total.unanswered:
                self._remember(chunk.content_hash, tally.total)
            raise

    async def extract_batch(
        self, chunks: Iterable[ChunkReady], ledger: BatchLedger
    ) -> AsyncGenerator[tuple[ChunkReady, Answer], None]:
        """Chunks by Message Batches: each with its extraction or the ModelError that says why it is dead.

        Tell the ledger of chunks whose answers are stored (`ledger.stored`): it forgets batches of which
        nothing else is left.
        """
        asked = []
        for chunk in chunks:
            if chunk.has_own_words:
                asked.append(chunk)
            else:
                yield chunk, Extraction(())
        async with aclosing(self._batches.read(asked, ledger)) as answers:
            async for answer in answers:
                yield answer

    async def _alone(self, chunk: ChunkReady, paid: Usage) -> Answer:
        """One chunk that a batch could not do; `paid` is what the batch took for it."""
        try:
            return await self._extracted(chunk, paid)
        except ModelError as error:
            return error

    async def reduce(self, facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
        """The most telling of `facts` that fit the budget."""
        return await self._writer.reduce(facts, budget_tokens)

    async def memory(self, digest: Digest, budget_tokens: int) -> tuple[str, Usage]:
        """The body of MEMORY within the budget."""
        return await self._writer.memory(digest, budget_tokens)

    async def sections(self, digest: Digest, sample: Sequence[SampleConversation]) -> tuple[Sections, Usage]:
        """The five sections."""
        return await self._writer.sections(digest, sample)

    async def close(self) -> None:
        """Release the connections. Safe to call twice."""
        await self._caller.close()

    def _remember(self, content_hash: str, usage: Usage) -> None:
        """What an attempt cost that came to nothing: the next one at the same chunk tells it."""
        self._owed[content_hash] = usage
        while len(self._owed) > OWED:
            self._owed.popitem(last=False)
