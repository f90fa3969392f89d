"""One chunk read by Claude: asked, validated, repaired once, split where it must be.

A reply that is not of its schema is told its error once; then, as for a reply that was cut, the messages are
halved and each half is asked for, down to one message. Only what still fails is dead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from anthropic.types import Message as Reply

from shared.domain.errors import ModelError
from shared.domain.events import ChunkReady, Message, Usage
from shared.domain.facts import Candidate
from shared.domain.plurals import counted
from shared.models.base import Extraction, Outlook, PartlyReadError
from shared.models.claude.caller import Caller
from shared.models.claude.failures import CallRefusedError
from shared.models.claude.outlook import OUTPUT_SHARE, findings_of, reading
from shared.models.claude.parsing import InvalidReplyError
from shared.models.claude.prompts import EXTRACT
from shared.models.claude.request import CutReplyError, RefusedReplyError, Request, ask, forecast, read_reply
from shared.models.claude.schema import ExtractReply, ReplyFact
from shared.models.claude.traits import traits_of
from shared.models.claude.transcript import Transcript, transcript_of
from shared.models.claude.usage import Tally
from shared.resilience.deadline import Deadline

TYPICAL_TOKENS = 4000
"""Tokens of a chunk as a rule: what stands for those that are not at hand."""
CUT_ADVICE = "set SOULPRINT_MODEL_MAX_TOKENS higher"
SCHEMA_ADVICE = "set SOULPRINT_CLAUDE_MODEL to a model that keeps to a JSON schema"
LENGTH_ADVICE = "give the model a longer context, or set SOULPRINT_CHUNK_TOKENS lower"


class ChunkReader:
    """Reads chunks with one caller."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

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
        reading = _Reading(self._caller, chunk, tally, self._caller.deadline())
        await reading.read(chunk.messages)
        if not reading.dead:
            return Extraction(tuple(reading.candidates), tally.total)
        reasons, own = "; ".join(reading.reasons), _own(chunk.messages)
        if reading.dead >= own:
            raise ModelError(reasons, usage=tally.total)
        raise PartlyReadError(
            f"{reading.dead} of {counted(own, 'message')} of the person could not be read: {reasons}",
            Extraction(tuple(reading.candidates), tally.total),
        )


@dataclass(slots=True)
class _Reading:
    """One chunk being read: what that gave so far."""

    caller: Caller
    chunk: ChunkReady
    tally: Tally
    deadline: Deadline
    candidates: list[Candidate] = field(default_factory=list)
    dead: int = 0
    """Messages of the person that no call could read."""
    reasons: dict[str, None] = field(default_factory=dict)

    async def read(self, messages: Sequence[Message]) -> None:
        """Ask for some of the messages, in halves where they are too many."""
        own = _own(messages)
        if not own:
            return
        transcript = transcript_of(self.chunk, messages)
        asked = _request(transcript)
        try:
            reply = await ask(self.caller, asked, ExtractReply, self.tally, self.deadline, OUTPUT_SHARE)
        except RefusedReplyError as error:
            self._give_up(own, str(error))
        except CutReplyError as error:
            await self._halve(messages, str(error), CUT_ADVICE)
        except InvalidReplyError as error:
            await self._halve(messages, str(error), SCHEMA_ADVICE)
        except CallRefusedError as error:
            if error.too_long:
                await self._halve(messages, error.reason, LENGTH_ADVICE)
            else:
                self._give_up(own, error.reason)
        else:
            self.candidates.extend(_candidates(transcript, reply))

    async def _halve(self, messages: Sequence[Message], reason: str, advice: str) -> None:
        if len(messages) == 1:
            self._give_up(1, f"{reason}, even for one message alone: {advice}")
            return
        middle = _middle(messages)
        await self.read(messages[:middle])
        await self.read(messages[middle:])

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
