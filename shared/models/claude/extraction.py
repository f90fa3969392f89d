"""One chunk read by Claude: asked, validated, repaired once, split where it must be.

A reply that is not of its schema is told its error once; then, as for a reply that was cut, the messages are
halved and each half is asked for, down to one message. Only what still fails is dead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from anthropic.types import Message as Reply

from shared.domain.errors import ModelError
from shared.domain.events import ChunkReady, Message, Usage
from shared.domain.facts import Candidate
from shared.models.base import Extraction, PartlyReadError
from shared.models.claude.caller import Caller, CallRefusedError, Patience
from shared.models.claude.prompts import EXTRACT
from shared.models.claude.request import CutReplyError, RefusedReplyError, Request, ask, forecast, read_reply
from shared.models.claude.schema import ExtractReply, InvalidReplyError, ReplyFact
from shared.models.claude.transcript import Transcript, transcript_of
from shared.models.claude.usage import Tally

OUTPUT_SHARE = 0.06
"""Tokens of a reply for each of its prompt, as forecasts reckon: three times what is measured where each
conversation of 13.6 KB holds one fact."""
CUT_ADVICE = "set SOULPRINT_MODEL_MAX_TOKENS higher"
SCHEMA_ADVICE = "set SOULPRINT_CLAUDE_MODEL to a model that keeps to a JSON schema"
LENGTH_ADVICE = "give the model a longer context, or set SOULPRINT_CHUNK_TOKENS lower"


@dataclass(slots=True)
class _Findings:
    """What reading a chunk gave so far."""

    candidates: list[Candidate] = field(default_factory=list)
    dead: int = 0
    """Messages of the person that no call could read."""
    reasons: dict[str, None] = field(default_factory=dict)


class ChunkReader:
    """Reads chunks with one caller."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def request(self, chunk: ChunkReady, messages: Sequence[Message]) -> tuple[Request, Transcript]:
        """What is asked for these messages of the chunk."""
        transcript = transcript_of(chunk, messages)
        return Request(EXTRACT, transcript.text), transcript

    def parameters(self, chunk: ChunkReady) -> dict[str, Any]:
        """The whole chunk's call, for a batch."""
        request, _ = self.request(chunk, chunk.messages)
        return request.parameters(self._caller.options)

    def forecast(self, chunk: ChunkReady) -> Usage:
        """What reading the chunk will likely take, if nothing goes wrong."""
        request, _ = self.request(chunk, chunk.messages)
        return forecast(request, self._caller.options, OUTPUT_SHARE)

    def accept(self, chunk: ChunkReady, reply: Reply) -> tuple[Candidate, ...]:
        """The candidates of a batch's reply. Raises InvalidReplyError, CutReplyError or RefusedReplyError."""
        value = read_reply(reply, ExtractReply)
        return tuple(_candidates(transcript_of(chunk, chunk.messages), value))

    async def read(self, chunk: ChunkReady, tally: Tally) -> Extraction:
        """Candidates for the chunk. Raises ModelError or PartlyReadError for what can never be answered."""
        findings = _Findings()
        patience = Patience.begin(self._caller.lane, self._caller.options.retry.deadline)
        await self._read(chunk, chunk.messages, findings, tally, patience)
        if not findings.dead:
            return Extraction(tuple(findings.candidates), tally.total)
        reasons = "; ".join(findings.reasons)
        own = sum(message.role == "user" for message in chunk.messages)
        if findings.dead >= own:
            raise ModelError(reasons, usage=tally.total)
        raise PartlyReadError(
            f"{findings.dead} of {own} messages of the person could not be read: {reasons}",
            Extraction(tuple(findings.candidates), tally.total),
        )

    async def _read(
        self,
        chunk: ChunkReady,
        messages: Sequence[Message],
        findings: _Findings,
        tally: Tally,
        patience: Patience,
    ) -> None:
        own = sum(message.role == "user" for message in messages)
        if not own:
            return
        request, transcript = self.request(chunk, messages)
        try:
            asked = await ask(self._caller, request, ExtractReply, tally, patience, OUTPUT_SHARE)
        except RefusedReplyError as error:
            _bury(findings, own, str(error))
        except (InvalidReplyError, CutReplyError) as error:
            advice = CUT_ADVICE if isinstance(error, CutReplyError) else SCHEMA_ADVICE
            await self._halve(chunk, messages, findings, tally, patience, str(error), advice)
        except CallRefusedError as error:
            if error.too_long:
                await self._halve(chunk, messages, findings, tally, patience, error.reason, LENGTH_ADVICE)
            else:
                _bury(findings, own, error.reason)
        else:
            findings.candidates.extend(_candidates(transcript, asked))

    async def _halve(
        self,
        chunk: ChunkReady,
        messages: Sequence[Message],
        findings: _Findings,
        tally: Tally,
        patience: Patience,
        reason: str,
        advice: str,
    ) -> None:
        if len(messages) == 1:
            _bury(findings, 1, f"{reason}, even for one message alone: {advice}")
            return
        middle = _middle(messages)
        await self._read(chunk, messages[:middle], findings, tally, patience)
        await self._read(chunk, messages[middle:], findings, tally, patience)


def _bury(findings: _Findings, messages: int, reason: str) -> None:
    findings.dead += messages
    findings.reasons.setdefault(reason)


def _middle(messages: Sequence[Message]) -> int:
    """Where to cut so that both sides hold about as much text; neither is empty."""
    half = sum(len(message.text) for message in messages) / 2
    so_far = 0
    for place, message in enumerate(messages):
        so_far += len(message.text)
        if so_far >= half:
            return min(
                max(place if so_far - len(message.text) / 2 > half else place + 1, 1), len(messages) - 1
            )
    return len(messages) // 2


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
