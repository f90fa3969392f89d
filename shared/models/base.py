"""The protocol of a model: what the stages ask of Claude, of the offline rules, or of another."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from shared.domain.errors import ModelError
from shared.domain.events import ChunkReady, Sections, Usage
from shared.domain.facts import Candidate, SettledFact
from shared.domain.sample import SampleConversation
from shared.models.ledger import BatchLedger

LINE_TOKENS = 24
"""Tokens that a line of MEMORY takes on average; decides how many facts fit a budget."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a model found in one chunk, not yet grounded."""

    candidates: tuple[Candidate, ...]
    usage: Usage = field(default_factory=Usage)
    unread: tuple[str, ...] = ()
    """Ids of conversations this model cannot read (the offline model reads English only)."""


class PartlyReadError(ModelError):
    """Some messages of a chunk can never be answered: the chunk is dead, but what the others gave stands."""

    def __init__(self, message: str, extraction: Extraction) -> None:
        super().__init__(message, usage=extraction.usage)
        self.extraction = extraction


@dataclass(frozen=True, slots=True)
class Digest:
    """What MEMORY is written from: the facts that fit the budget, and how many did not."""

    facts: tuple[SettledFact, ...]
    left_out: int = 0
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What calls may take: `least` where the history holds hardly a fact, `most` where each message and every
    few sentences give one, and what is likely between them."""

    least: Usage = field(default_factory=Usage)
    likely: Usage = field(default_factory=Usage)
    most: Usage = field(default_factory=Usage)

    def __add__(self, other: Outlook) -> Outlook:
        return Outlook(self.least + other.least, self.likely + other.likely, self.most + other.most)


@dataclass(frozen=True, slots=True)
class Findings:
    """What a chunk adds to the writing, as far as it is known before it is read."""

    facts: float = 0.0
    """At most."""
    excerpt_tokens: int = 0
    """Of the person's words, clipped as the sections read them."""

    def __add__(self, other: Findings) -> Findings:
        return Findings(self.facts + other.facts, self.excerpt_tokens + other.excerpt_tokens)


@dataclass(frozen=True, slots=True)
class Rates:
    """What a model's calls will likely take, in numbers, so that very many can be reckoned at a time."""

    call: Usage
    """Of reading a chunk, whatever it holds."""
    token: tuple[float, float]
    """Tokens in and out for each token of the chunk."""
    price: Mapping[str, float] | None
    """Dollars for a token of each kind, by its name in Usage; None: they are not known."""
    writing: Sequence[tuple[int, Usage]]
    """What a memory of so many facts takes, without excerpts; between two of them it grows evenly."""
    excerpts: tuple[float, float] = (0.0, 0.0)
    """Tokens in for each token of the chunks that the sections' excerpts take, and at most."""


class Fallback(Protocol):
    """Reduces and writes without asking anybody: what stands in where a model's own writing fails."""

    def reduce(self, facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
        """Facts that fit the budget, as Model.reduce."""
        ...

    def memory(self, digest: Digest, budget_tokens: int) -> str:
        """The body of MEMORY, as Model.memory."""
        ...

    def sections(self, digest: Digest, sample: Sequence[SampleConversation]) -> Sections:
        """The five sections, as Model.sections."""
        ...


class Writes(Protocol):
    """What makes a memory of facts."""

    async def reduce(self, facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
        """The most telling of `facts` that fit `budget_tokens`; every one of them is from `facts`."""
        ...

    async def memory(self, digest: Digest, budget_tokens: int) -> tuple[str, Usage]:
        """The body of MEMORY (Markdown) within the budget; every line refers to its fact."""
        ...

    async def sections(self, digest: Digest, sample: Sequence[SampleConversation]) -> tuple[Sections, Usage]:
        """The five sections. A section that nothing supports is empty."""
        ...


class Model(Writes, Protocol):
    """One language model or rule set. Implementations keep no state about a person between calls."""

    name: str
    """As the cache, reports and metrics name it."""
    prompt_version: str
    """Changes whenever the same chunk could give other candidates; part of the cache key."""

    ceiling: int
    """How many chunks it is worth having in flight at a time."""
    sure_from: float
    """Confidence from which MEMORY and the sections take a fact that was said once
    (`shared.english.likely`)."""
    own_words: bool
    """True if the model itself passes over what the person pasted, so that grounding need not look again."""

    async def extract(self, chunk: ChunkReady) -> Extraction:
        """Candidates for one chunk. Raises ModelError if this chunk can never be answered."""
        ...

    async def close(self) -> None:
        """Release connections and worker processes. Safe to call twice."""
        ...


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model at a provider, at one moment: for health, status and metrics."""

    trouble: str
    """Why no calls are made now, and what to do; empty while they are."""
    retrying: str
    """Why calls are tried again and none gets through; empty while some do."""
    in_flight: int
    limit: int
    """Calls that may be in flight now: less than the ceiling after the provider asked to slow down."""
    outcomes: Mapping[str, int]
    """How calls ended since it was made, by a word."""
    spent: Usage
    silent_since: float | None = None
    """Unix time since which calls are in flight and none was answered; None while none is."""
    seconds_left: float | None = None
    """Until it is given up if nothing gets through; None while something does, or if it never is."""


@runtime_checkable
class Metered(Protocol):
    """A model whose calls cost something."""

    name: str

    @property
    def writing_version(self) -> str:
        """Changes whenever the same facts could be written of otherwise, as prompt_version for chunks."""
        ...

    @property
    def state(self) -> ModelState:
        """How it is now."""
        ...

    async def answers(self) -> None:
        """Return if it can be used. Raises ModelUnavailableError; after a fault at most one small call."""
        ...

    def count_in(self, earlier: Usage) -> None:
        """Earlier spending that the limit on cost binds as well."""
        ...

    @property
    def spent(self) -> Usage:
        """All that its calls cost since it was made, whatever became of them."""
        ...

    @property
    def fallbacks(self) -> Sequence[str]:
        """Parts of the result that another writer had to write, and why."""
        ...

    @property
    def refused(self) -> Mapping[str, int]:
        """Lines of MEMORY and the sections that said more than what they name, by reason."""
        ...

    def outlook(self, chunk: ChunkReady) -> Outlook:
        """What reading a chunk may take; nothing is sent."""
        ...

    def findings(self, chunk: ChunkReady) -> Findings:
        """What the writing may have of it."""
        ...

    def outlook_writing(self, found: Findings, budget_tokens: int) -> Outlook:
        """What reduction, MEMORY and the sections may take of all that the chunks hold."""
        ...

    def rates(self, budget_tokens: int) -> Rates:
        """The same forecasts, of chunks and memories that are not at hand."""
        ...


@runtime_checkable
class BatchModel(Protocol):
    """A model that can also read many chunks in batches, for less."""

    @property
    def batch_factor(self) -> float:
        """What a call costs in a batch, of what it costs by itself."""
        ...

    def extract_batch(
        self, chunks: Iterable[ChunkReady], ledger: BatchLedger
    ) -> AsyncGenerator[tuple[ChunkReady, Extraction | ModelError], None]:
        """Every chunk with its answer, in any order; batches that `ledger` holds open are taken up."""
        ...
