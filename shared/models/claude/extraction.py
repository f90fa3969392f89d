"""One chunk read by Claude: asked, validated, repaired once, split where that may help.

A reply that is not of its schema is told its error once. Then, as for a reply that was cut, the messages are
halved and each half is asked for, as often as a chunk may cost spoilt replies, but not where the model said
no JSON at all. Only what still fails is dead, and nothing is while the model answers nobody as it should
(`doubt.py`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from anthropic.types import Message as Reply

from shared.domain.errors import ModelError
from shared.domain.events import ChunkReady, Message, Usage
from shared.domain.facts import Candidate
from shared.domain.plurals import counted
from shared.models.base import Extraction, Outlook, PartlyReadError
from shared.models.claude.attempts import LANE_TRIALS
from shared.models.claude.caller import Caller
from shared.models.claude.doubt import LARGE_ADVICE, SCHEMA_ADVICE, Doubt
from shared.models.claude.failures import CallRefusedError
from shared.models.claude.outlook import OUTPUT_SHARE, findings_of, reading
from shared.models.claude.parsing import InvalidReplyError, Spoilt
from shared.models.claude.prompts import EXTRACT
from shared.models.claude.request import (
    LENGTH_ADVICE,
    CutReplyError,
    RefusedReplyError,
    Request,
    ask,
    forecast,
    read_reply,
)
from shared.models.claude.schema import ExtractReply, ReplyFact
from shared.models.claude.traits import traits_of
from shared.models.claude.transcript import Transcript, transcript_of
from shared.models.claude.usage import Tally
from shared.resilience.deadline import Deadline

TYPICAL_TOKENS = 4000
"""Tokens of a chunk as a rule: what stands for those that are not at hand."""
MOST_SPOILT = 7
"""Replies of one chunk that may be spoilt: as many as three halvings of all of it take."""


class ChunkReader:
    """Reads chunks with one caller."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._doubt = Doubt(caller)

    def parameters(self, chunk: ChunkReady) -> dict[str, Any]:
        """The whole chunk's call, for a batch."""
        return _request(_whole(chunk)).parameters(self._caller.options)

    def forecast(self, chunk: ChunkReady) -> Usage:
        """What reading the chunk will likely take, if nothing goes wrong."""
        return forecast(_request(_whole(chunk)), self._caller.options, OUTPUT_SHARE)

    def outlook(self, chunk: ChunkReady) -> Outlook:
        """What reading the chunk may take."""
        return reading(_request(_whole(chunk)), findings_of(chunk), self._caller.options)

    def rates(self) -> tuple[Usage, tuple[float, float]]:
        """The forecast in parts: of each call, and tokens in and out for each token of a chunk."""
        options = self._caller.options
        fixed = forecast(Request(EXTRACT, ""), options, OUTPUT_SHARE)
        traits = traits_of(options.model)
        thought = fixed.model_copy(update={"output_tokens": fixed.output_tokens + traits.thinking[1]})
        return thought, (traits.token_margin, traits.token_margin * OUTPUT_SHARE)

    def typical(self) -> Usage:
        """What a chunk of the usual size will likely take."""
        fixed, (tokens_in, tokens_out) = self.rates()
        return fixed.model_copy(
            update={
                "input_tokens": fixed.input_tokens + math.ceil(tokens_in * TYPICAL_TOKENS),
                "output_tokens": fixed.output_tokens + math.ceil(tokens_out * TYPICAL_TOKENS),
            }
        )

    def accept(self, chunk: ChunkReady, reply: Reply) -> tuple[Candidate, ...]:
        """The candidates of a batch's reply. Raises InvalidReplyError, CutReplyError or RefusedReplyError."""
        return tuple(_candidates(_whole(chunk), read_reply(reply, ExtractReply)))

    async def read(self, chunk: ChunkReady, tally: Tally) -> Extraction:
        """Candidates for the chunk. Raises ModelError or PartlyReadError for what can never be answered."""
        reading = _Reading(self._caller, self._doubt, chunk, tally)
        await self._doubt.enter(reading)
        try:
            await reading.begin()
        finally:
            self._doubt.leave(reading)
        if not reading.dead:
            return Extraction(tuple(reading.candidates), tally.total)
        reasons, own = "; ".join(reading.reasons), _own(chunk.messages)
        if reading.dead >= own:
            raise ModelError(reasons, usage=tally.total)
        raise PartlyReadError(
            f"{reading.dead} of {counted(own, 'message')} of the person could not be read: {reasons}",
            Extraction(tuple(reading.candidates), tally.total),
        )


@dataclass(slots=True, eq=False)
class _Reading:
    """One chunk being read: what that gave so far."""

    caller: Caller
    doubt: Doubt
    chunk: ChunkReady
    tally: Tally
    asked_at: float = field(init=False)
    """When the newest question was sent, whose repair does not count."""
    deadline: Deadline = field(init=False)
    candidates: list[Candidate] = field(default_factory=list)
    dead: int = 0
    """Messages of the person that no call could read."""
    replies: int = 0
    """Spoilt ones."""
    blamed: bool = False
    """Whether it is known that the chunk is to blame for them."""
    reasons: dict[str, None] = field(default_factory=dict)

    async def begin(self) -> None:
        """Ask for all of it."""
        self.deadline = self.caller.deadline()
        await self._read(self.chunk.messages)

    def sent(self) -> None:
        """See `Heed`."""
        self.asked_at = time.monotonic()

    def good(self) -> None:
        """See `Heed`."""
        self.doubt.good(self.asked_at)

    async def spoilt(self) -> None:
        """See `Heed`."""
        self.replies += 1
        await self.doubt.spoilt(self, self.asked_at)

    async def _read(self, messages: Sequence[Message], *, half: bool = False) -> None:
        """Ask for some of the messages, in halves where they are too many."""
        own = _own(messages)
        if not own:
            return
        if self.replies >= MOST_SPOILT:
            spoilt = counted(self.replies, "reply", "replies")
            self._give_up(own, f"{spoilt} could not be read: {LARGE_ADVICE}")
            return
        transcript = transcript_of(self.chunk, messages)
        try:
            reply = await self._asked(_request(transcript), least=half or len(messages) == 1)
        except RefusedReplyError as error:
            self._give_up(own, str(error))
        except CutReplyError as error:
            await self._halve(messages, str(error), error.advice)
        except InvalidReplyError as error:
            if error.spoilt is Spoilt.WORDS:
                self._give_up(own, f"{error}: {SCHEMA_ADVICE}")
            else:
                await self._halve(messages, str(error), SCHEMA_ADVICE)
        except CallRefusedError as error:
            if error.too_long:
                await self._halve(messages, error.reason, LENGTH_ADVICE)
            else:
                self._give_up(own, error.reason)
        else:
            self.candidates.extend(_candidates(transcript, reply))

    async def _asked(self, request: Request, *, least: bool) -> ExtractReply:
        """The answer. Raises the error of one that cannot be read once that is the chunk's fault. `least`: it
        is no whole chunk, or cannot be halved."""
        for left in reversed(range(LANE_TRIALS)):
            try:
                return await ask(
                    self.caller,
                    request,
                    ExtractReply,
                    self.tally,
                    self.deadline,
                    OUTPUT_SHARE,
                    heed=self,
                    repaired=not self.blamed,
                )
            except (InvalidReplyError, CutReplyError) as error:
                self.replies += 1
                # a whole chunk's reply may be too long, which says nothing of the model
                if self.blamed or not left or (isinstance(error, CutReplyError) and not least):
                    raise
                # once more where others are answered: the model may have been mended in between
                self.blamed = await self.doubt.to_blame(self, self.asked_at, self.tally)
        raise AssertionError

    async def _halve(self, messages: Sequence[Message], reason: str, advice: str) -> None:
        if len(messages) == 1:
            self._give_up(1, f"{reason}, even for one message alone: {advice}")
            return
        middle = _middle(messages)
        await self._read(messages[:middle], half=True)
        await self._read(messages[middle:], half=True)

    def _give_up(self, messages: int, reason: str) -> None:
        self.dead += messages
        self.reasons.setdefault(reason)


def _whole(chunk: ChunkReady) -> Transcript:
    return transcript_of(chunk, chunk.messages)


def _request(transcript: Transcript) -> Request:
    return Request(EXTRACT, transcript.text)


def _own(messages: Sequence[Message]) -> int:
    """How many messages are the person's."""
    return sum(message.role == "user" for message in messages)


def _middle(messages: Sequence[Message]) -> int:
    """Where to cut so that both sides hold about as much text; neither is empty."""
    sizes = [len(message.text) for message in messages]
    half, before, place = sum(sizes) / 2, 0, 0
    while before + sizes[place] < half:
        before += sizes[place]
        place += 1
    cut = place if before + sizes[place] / 2 > half else place + 1
    return min(max(cut, 1), len(messages) - 1)


def _candidates(transcript: Transcript, reply: ExtractReply) -> list[Candidate]:
    return [_candidate(transcript, fact) for fact in reply.facts]


def _candidate(transcript: Transcript, fact: ReplyFact) -> Candidate:
    """Made-up numbers are left out; a fact with no other cites a message that is in no chunk, so that
    grounding refuses and counts it."""
    ids = transcript.ids_of(fact.ids) or (f"no message {fact.ids[0]}",)
    return Candidate.model_construct(
        category=fact.category,
        statement=fact.statement,
        quote=fact.quote,
        message_ids=ids,
        valid_from=fact.valid_from,
        valid_until=fact.valid_until,
        confidence=fact.confidence,
    )
