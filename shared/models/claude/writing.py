"""MEMORY and the sections by Claude. Every line is bound to the facts it names (`documents`); what fails
another writer writes, and that is said."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel

from shared.domain.events import Sections, Usage
from shared.domain.facts import SettledFact
from shared.domain.sample import SampleConversation
from shared.domain.sections import KINDS
from shared.domain.text import BYTES_PER_TOKEN, estimate_tokens
from shared.english.binding.version import binding_version
from shared.models.base import LINE_TOKENS, Digest, Fallback
from shared.models.claude.caller import Caller
from shared.models.claude.documents import REFERENCES, SECTION_LINES, Bound, FailedWritingError
from shared.models.claude.failures import CallRefusedError
from shared.models.claude.options import ClaudeOptions
from shared.models.claude.prompts import MEMORY, REDUCE, SECTIONS, Prompt
from shared.models.claude.request import CutReplyError, RefusedReplyError, Request, ask
from shared.models.claude.schema import (
    InvalidReplyError,
    LooseSections,
    MemoryReply,
    ReduceReply,
    SectionsReply,
    parse_reply,
)
from shared.models.claude.together import together
from shared.models.claude.traits import traits_of
from shared.models.claude.transcript import facts_listed, own_excerpts
from shared.models.claude.usage import Tally

R = TypeVar("R", bound=BaseModel)
GROUP_TOKENS = 12_000
"""Most tokens of facts in one reduction call."""
READ_FOR_EACH_KEPT = 8
"""The model chooses from so many times the budget; what is beyond the other writer leaves out, so
that the cost of a reduction does not grow with the history."""
EXCERPT_CHARS = 24_000
"""Characters of the person's own words that the sections are written from."""
SECTIONS_TOKENS = 3000
"""Most tokens of a reply with the sections, as a rule."""
LISTED_SHARE = 0.5
"""A reply has a fact's quote and its category, the list its statement and its month."""

log = structlog.get_logger(__name__)


class Writer:
    """Reduces and writes with one caller; `fallback` where that fails."""

    def __init__(self, caller: Caller, fallback: Fallback) -> None:
        self._caller = caller
        self._fallback = fallback
        self.fallbacks: list[str] = []
        """Parts that the fallback wrote, and why."""
        self.refused: Counter[str] = Counter()
        """Lines that said more than what they name, by reason."""

    async def reduce(self, facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
        """Levels of choices: each call sees one group and names what it keeps, until all fit the budget."""
        most = max(1, budget_tokens // LINE_TOKENS)
        if len(facts) <= most:
            return Digest(tuple(facts))
        kept = list(facts)
        if len(kept) > most * READ_FOR_EACH_KEPT:
            kept = list(self._fallback.reduce(facts, budget_tokens * READ_FOR_EACH_KEPT).facts)
        tally = self._tally()
        while len(kept) > most:
            groups = _groups(kept)
            quota = most if len(groups) == 1 else max(1, -(-most * 2 // len(groups)))
            chosen = await together(self._choose(group, quota, tally) for group in groups)
            fewer = [fact for group in chosen for fact in group]
            if len(fewer) >= len(kept):
                fewer = list(self._fallback.reduce(kept, budget_tokens).facts)
            kept = fewer
        return Digest(tuple(kept), len(facts) - len(kept), tally.total)

    async def _choose(self, facts: Sequence[SettledFact], most: int, tally: Tally) -> list[SettledFact]:
        if len(facts) <= most:
            return list(facts)
        data = facts_listed(facts)
        try:
            reply = await self._asked(REDUCE, ReduceReply, data, tally, most=most)
            chosen = [facts[n - 1] for n in dict.fromkeys(reply.keep) if 0 < n <= len(facts)]
            if not chosen:
                raise FailedWritingError("it chose no fact that there is")
        except FailedWritingError as error:
            self._fell_back("reduction", error)
            return list(self._fallback.reduce(facts, most * LINE_TOKENS).facts)
        return chosen[:most]

    async def memory(self, digest: Digest, budget_tokens: int) -> tuple[str, Usage]:
        """Lines of the digest's facts under headings, within the budget."""
        tally = self._tally()
        if not digest.facts:
            return "", tally.total
        data = facts_listed(digest.facts)
        most = max(1, budget_tokens // LINE_TOKENS)
        try:
            reply = await self._asked(MEMORY, MemoryReply, data, tally, most=most)
            bound = Bound(digest.facts)
            body = bound.memory(reply, budget_tokens)
            self._note("MEMORY", bound)
            if not body:
                raise FailedWritingError("no line rests on a fact that there is")
        except FailedWritingError as error:
            self._fell_back("MEMORY", error)
            return self._fallback.memory(digest, budget_tokens), tally.total
        return body, tally.total

    async def sections(self, digest: Digest, sample: Sequence[SampleConversation]) -> tuple[Sections, Usage]:
        """All five in one call; a section that does not validate is the fallback's."""
        tally = self._tally()
        other = self._fallback.sections(digest, sample)
        if not digest.facts and not sample:
            return other, tally.total
        excerpts = own_excerpts(sample, EXCERPT_CHARS)
        data = facts_listed(digest.facts, [words for words, _ in excerpts])
        try:
            reply = await self._loose_sections(data, tally)
        except FailedWritingError as error:
            self._fell_back("sections", error)
            return other, tally.total
        written: dict[str, Any] = {}
        bound = Bound(digest.facts, excerpts)
        for name, kind in KINDS.items():
            try:
                written[name] = bound.section(kind, getattr(reply, name)) or getattr(other, name)
            except FailedWritingError as error:
                self._fell_back(f"section {name.upper()}", error)
                written[name] = getattr(other, name)
        self._note("sections", bound)
        return Sections(**written), tally.total

    async def _loose_sections(self, data: str, tally: Tally) -> LooseSections:
        """The reply, or what of it can be read after its one repair."""
        try:
            reply = await self._answered(SECTIONS, SectionsReply, data, tally, most=SECTION_LINES)
            return LooseSections(**reply.model_dump())
        except InvalidReplyError as error:
            try:
                return parse_reply(error.text, LooseSections)
            except InvalidReplyError:
                raise FailedWritingError(error.told) from None

    async def _asked(self, prompt: Prompt, reply: type[R], data: str, tally: Tally, *, most: int) -> R:
        try:
            return await self._answered(prompt, reply, data, tally, most=most)
        except InvalidReplyError as error:
            raise FailedWritingError(error.told) from None

    async def _answered(self, prompt: Prompt, reply: type[R], data: str, tally: Tally, *, most: int) -> R:
        deadline = self._caller.deadline()
        request = Request(prompt, data, (("most", most),))
        try:
            return await ask(self._caller, request, reply, tally, deadline, replaceable=True)
        except (CutReplyError, RefusedReplyError, CallRefusedError) as error:
            raise FailedWritingError(str(error)) from None

    def _note(self, part: str, bound: Bound) -> None:
        """Count lines that were not bound to their facts."""
        if bound.refused:
            self.refused += bound.refused
            log.info("lines that say more than their facts were not taken", part=part, **bound.refused)

    def _fell_back(self, part: str, error: FailedWritingError) -> None:
        self.fallbacks.append(f"{part}: {error}")
        log.warning("written by the fallback", part=part, reason=str(error))

    def _tally(self) -> Tally:
        return Tally(whole=self._caller.total)


def version_of_writing(model: str) -> str:
    """Changes with the prompts, and with how much is read and asked for."""
    sizes = (
        GROUP_TOKENS,
        READ_FOR_EACH_KEPT,
        EXCERPT_CHARS,
        SECTION_LINES,
        SECTIONS_TOKENS,
        REFERENCES,
        LINE_TOKENS,
    )
    parts = [
        binding_version(),
        *(prompt.hash(model) for prompt in (REDUCE, MEMORY, SECTIONS)),
        *map(str, sizes),
    ]
    return f"write-{hashlib.blake2b(' '.join(parts).encode(), digest_size=6).hexdigest()}"


def writing_forecast(options: ClaudeOptions, extracting: Usage, budget_tokens: int) -> Usage:
    """What reduction, MEMORY and the sections will likely take after that much extracting."""
    if not extracting.calls:
        return Usage()
    return _forecast(options, math.ceil(extracting.output_tokens * LISTED_SHARE), budget_tokens)


def memory_forecast(options: ClaudeOptions, facts: int, budget_tokens: int) -> Usage:
    """The same for so many settled facts; without one the sections are written from the excerpts alone."""
    return _forecast(options, facts * LINE_TOKENS, budget_tokens)


def _forecast(options: ClaudeOptions, listed: int, budget_tokens: int) -> Usage:
    """Facts beyond the budget are read once more, some of them, and about one in eight of their tokens comes
    back as a number; MEMORY and the sections read the rest once each, the sections the excerpts too."""
    margin = traits_of(options.model).token_margin
    reduced = min(listed, budget_tokens * READ_FOR_EACH_KEPT) if listed > budget_tokens else 0
    groups = -(-reduced // GROUP_TOKENS)
    kept = min(listed, budget_tokens)
    memory = MEMORY.fixed_tokens if listed else 0
    fixed = groups * REDUCE.fixed_tokens + memory + SECTIONS.fixed_tokens
    usage = Usage(
        calls=(2 if listed else 1) + groups,
        input_tokens=reduced + 2 * kept + math.ceil((fixed + EXCERPT_CHARS // BYTES_PER_TOKEN) * margin),
        output_tokens=reduced // 8 + kept + min(kept, SECTIONS_TOKENS),
    )
    return usage.model_copy(update={"cost": options.prices.cost(options.model, usage)})


def _groups(facts: Sequence[SettledFact]) -> list[list[SettledFact]]:
    """Facts in their order, cut into prompts."""
    groups: list[list[SettledFact]] = [[]]
    room = GROUP_TOKENS
    for fact in facts:
        tokens = estimate_tokens(fact.statement) + 8
        if tokens > room and groups[-1]:
            groups.append([])
            room = GROUP_TOKENS
        groups[-1].append(fact)
        room -= tokens
    return groups
