"""Whether a model keeps to its schema at all. A reply that cannot be read is the chunk's fault or the
model's: a harmless question of the same form tells which.

While that is in doubt, at first and whenever a reply is spoilt and none was good since it was asked for, one
chunk at a time is asked, and the others wait. So a model that never keeps to the schema costs a question, its
repair and a trial, and not as many as may be in flight, or halves of halves.
"""

from __future__ import annotations

import asyncio
import time
from functools import cached_property

from anthropic.types import Message as Reply

from shared.domain.plurals import counted
from shared.models.claude.caller import Caller
from shared.models.claude.failures import CallRefusedError
from shared.models.claude.parsing import InvalidReplyError
from shared.models.claude.prompts import EXTRACT
from shared.models.claude.request import CutReplyError, RefusedReplyError, Request, ask, forecast, read_reply
from shared.models.claude.schema import ExtractReply
from shared.models.claude.transcript import delimited
from shared.models.claude.trials import Trial
from shared.models.claude.usage import Tally

FIRST_CHUNKS = 2
"""Chunks that may be spoilt before any was read, though harmless questions are answered well."""
TRIALS = 2
"""Harmless questions that are asked where a reply to one is cut or refused, and cannot be repaired."""
CHUNKS = 7
"""The same once some were read: among thousands a few in a row may be to blame themselves."""
SCHEMA_ADVICE = "set SOULPRINT_CLAUDE_MODEL to a model that keeps to a JSON schema"
LARGE_ADVICE = f"{SCHEMA_ADVICE}, or SOULPRINT_CHUNK_TOKENS lower"
SPOILT = (InvalidReplyError, CutReplyError, RefusedReplyError)


class Doubt:
    """What is known of one model. Used from one event loop only."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._sure = False
        self._turn: object | None = None
        self._changed = asyncio.Event()
        self._good_at = self._good_asked_at = float("-inf")
        self._replies = 0
        """Spoilt ones since the last good one."""
        self._chunks = 0
        """The same of chunks of which nothing could be read."""
        self._read_any = False

    async def enter(self, who: object) -> None:
        """Wait for the turn of `who` while it is in doubt whether anybody can be answered."""
        while not self._sure and self._turn not in (None, who):
            await self._changed.wait()
        if not self._sure:
            self._turn = who

    def leave(self, who: object) -> None:
        """`who` asks no more."""
        if self._turn is who:
            self._turn = None
            self._signal()

    def good(self, asked_at: float) -> None:
        """A reply to a question of `asked_at` could be read."""
        self._good_at = time.monotonic()
        self._good_asked_at = max(self._good_asked_at, asked_at)
        self._replies = self._chunks = 0
        self._read_any = True
        if not self._sure:
            self._sure, self._turn = True, None
            self._signal()

    async def spoilt(self, who: object, asked_at: float) -> None:
        """A reply to a question of `asked_at` could not be read. Returns when `who` may go on asking."""
        self._replies += 1
        if self._good_at <= asked_at:
            self._sure = False
            await self.enter(who)

    async def to_blame(self, who: object, asked_at: float, tally: Tally) -> bool:
        """Whether it is the chunk of `who` that cannot be answered, as what was asked later can. Else the
        lane is paused, until the model answers a harmless question well."""
        self._replies += 1
        if self._good_asked_at > asked_at:
            return True
        await self.enter(who)
        if self._good_asked_at > asked_at or self._caller.lane.paused:
            return not self._caller.lane.paused
        wrong = await self._tried(tally)
        if wrong is None:
            self._chunks += 1
            if self._chunks <= (CHUNKS if self._read_any else FIRST_CHUNKS):
                return True
            wrong = (
                f"answers a harmless question as it should, but none of {counted(self._chunks, 'chunk')} "
                f"in a row ({counted(self._replies, 'reply', 'replies')} could not be read): {LARGE_ADVICE}"
            )
        self._sure = False
        self._caller.distrust(self._trial, f"{self._caller.options.model} {wrong}")
        return False

    async def _tried(self, tally: Tally) -> str | None:
        """What is wrong with the answer to a harmless question, asked or repaired once more; None if nothing
        is: of a good model, too, a reply is cut or refused now and then."""
        request, told = Request(EXTRACT, HARMLESS), ""
        for _ in range(TRIALS):
            try:
                await ask(
                    self._caller, request, ExtractReply, tally, self._caller.deadline(), replaceable=True
                )
            except InvalidReplyError as error:
                self._replies += 2
                return self._told(error)
            except (CutReplyError, RefusedReplyError) as error:
                self._replies += 1
                told = self._told(error)
            except CallRefusedError:  # that is looked into where calls are made
                return None
            else:
                return None
        return told

    def _told(self, error: InvalidReplyError | CutReplyError | RefusedReplyError) -> str:
        replies = counted(self._replies, "reply", "replies")
        if isinstance(error, CutReplyError):
            return f"does not come to an end: {error}, {replies} one like another: {error.advice}"
        if isinstance(error, RefusedReplyError):
            return f"refuses even a harmless question ({replies} could not be read): {SCHEMA_ADVICE}"
        return (
            f"does not keep to the JSON schema: none of {replies} could be read, that to a harmless "
            f"question among them ({str(error).partition(';')[0]}): {SCHEMA_ADVICE}"
        )

    @cached_property
    def _trial(self) -> Trial:
        """What opens the lane again."""
        options, request = self._caller.options, Request(EXTRACT, HARMLESS)
        return Trial(request.parameters(options), forecast(request, options, 0.5), self._wrong)

    def _wrong(self, reply: Reply) -> str:
        try:
            read_reply(reply, ExtractReply)
        except SPOILT as error:
            self._replies += 1
            return f"{self._caller.options.model} {self._told(error)}"
        return ""

    def _signal(self) -> None:
        self._changed.set()
        self._changed.clear()


HARMLESS = delimited([("# 2024-01-01 | Home", ""), ("1 P", "I live in a small house by the sea.")])
"""A transcript that any model can read."""
