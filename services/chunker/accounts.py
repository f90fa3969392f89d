"""The accounts of one reading, told apart: each is cut, sampled and counted as if it had been read alone.

So an account's chunks are the same whatever was read beside it: what one run of two vendors reads, two runs
read too, and the second finds the answers of the first in the cache.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field

from services.chunker.packing import Packer
from services.chunker.prompt_view import Span
from services.chunker.report import AccountReport, ChunkPolicy
from shared.domain.ids import OLDEST
from shared.domain.sizes import ACCOUNTS
from shared.english.excerpts import own_excerpt
from shared.exports.conversation import Account, Conversation
from shared.exports.instructions import Instructions
from shared.exports.richest import Sample


@dataclass(slots=True)
class Reading:
    """One account, as far as it was read."""

    number: int
    report: AccountReport
    packer: Packer[Span]
    sample: Sample
    instructions: Instructions = field(default_factory=Instructions)
    shared: Counter[int] = field(default_factory=Counter)
    """How many of its conversations other accounts of its vendor show, too, by their numbers."""
    _oldest: list[tuple[float, str]] = field(default_factory=list)

    def keep(self, conversation: Conversation, said: int) -> None:
        """Count a conversation in that is of this account now."""
        self.report.conversations += 1
        self.report.messages += len(conversation.turns)
        self.report.lost += len(conversation.lost)
        self.sample.offer(conversation, said)
        if conversation.custom_instructions:
            self.instructions.note(conversation.custom_instructions, conversation.created_at)
        age = float("inf") if conversation.created_at is None else conversation.created_at
        if len(self._oldest) < OLDEST or (age, conversation.id) < self._oldest[-1]:
            self._oldest = heapq.nsmallest(OLDEST, {*self._oldest, (age, conversation.id)})

    def drop(self, conversation_id: str, messages: int) -> None:
        """Take a conversation back of which a later version was met."""
        self.report.conversations -= 1
        self.report.messages -= messages
        self.sample.discard(conversation_id)

    @property
    def oldest(self) -> tuple[str, ...]:
        """Ids of the oldest conversations, the oldest first."""
        return tuple(conversation_id for _, conversation_id in self._oldest)


class Accounts:
    """The accounts met, in the order in which they were. A hostile file could have one a conversation: those
    beyond ACCOUNTS count as the last one's."""

    def __init__(self, policy: ChunkPolicy) -> None:
        self._policy = policy
        self._of: dict[Account, Reading] = {}
        self._last: tuple[Account | None, Reading] | None = None
        self.all: list[Reading] = []

    def of(self, account: Account | None) -> Reading:
        """What was read of an account so far."""
        if self._last is None or self._last[0] is not account:  # mostly the same object as before
            self._last = account, self._found(account or Account(""))
        return self._last[1]

    def _found(self, account: Account) -> Reading:
        known = self._of.get(account)
        if known is None:
            if len(self.all) == ACCOUNTS:
                return self.all[-1]
            known = Reading(
                len(self.all),
                AccountReport(account),
                Packer(self._policy.chunk_tokens),
                Sample(self._policy.sample_size, own_excerpt),
            )
            self._of[account] = known
            self.all.append(known)
        return known

    def met(self, one: int, other: int) -> None:
        """Note that two accounts show the same conversation."""
        if one != other:
            self.all[one].shared[other] += 1
            self.all[other].shared[one] += 1

    def reports(self) -> list[AccountReport]:
        """What was read of each, by number. An account without an id that shows conversations of one with an
        id is that one: an older export, or a file without what lay beside it."""
        for reading in self.all:
            reading.report.oldest = reading.oldest
            if not reading.report.account.id:
                reading.report.same_as = self._named(reading)
        return [reading.report for reading in self.all]

    def _named(self, reading: Reading) -> int | None:
        vendor = reading.report.account.vendor
        for_all = not reading.report.conversations  # of it nothing is left: it may be any of its vendor's
        numbers = [
            other.number
            for other in self.all
            if other.report.account.id
            and other.report.account.vendor == vendor
            and (for_all or other.number in reading.shared)
        ]
        return max(numbers, key=lambda number: (reading.shared[number], -number), default=None)
