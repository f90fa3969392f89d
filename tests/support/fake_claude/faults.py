"""What goes wrong, and when: each fault with its own probability, or scripted request by request."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from enum import StrEnum
from random import Random


class FakeFault(StrEnum):
    """Every way the stand-in can fail a call. A good reply is no fault at all."""

    RATE_LIMIT = "rate_limit"
    """429 with retry-after."""
    OVERLOADED = "overloaded"
    """529."""
    SERVER_ERROR = "server_error"
    """500."""
    DROP = "drop"
    """The connection closes without an answer."""
    CUT = "cut"
    """The connection closes in the middle of the body."""
    HANG = "hang"
    """No answer ever."""
    TRUNCATED_JSON = "truncated_json"
    """The model's JSON stops in the middle, though the stop reason is end_turn."""
    BROKEN_SCHEMA = "broken_schema"
    """JSON, but not of the schema."""
    REFUSAL = "refusal"
    MAX_TOKENS = "max_tokens"
    """The reply is cut and says so."""
    THINKING = "thinking"
    """Thinking blocks come first; the reply is good."""
    UNKNOWN_IDS = "unknown_ids"
    """Facts that cite messages that do not exist come with the good ones."""
    UNGROUNDED = "ungrounded"
    """Facts whose quotes stand nowhere come with the good ones."""
    OBEDIENT = "obedient"
    """The reply also does what the transcript tells the reader to do."""
    FENCED = "fenced"
    """JSON in a Markdown fence with words around it, as local servers answer; the reply is good."""
    BRACES = "braces"
    """Words with braces stand before and behind the JSON; the reply is good."""
    ALOUD = "aloud"
    """The model thinks aloud first, in JSON too; the reply is good."""
    TWICE = "twice"
    """An empty answer of the same form comes with the good one."""
    BARE_LIST = "bare_list"
    """The list alone where the schema has an object around it; the reply is good."""
    PROSE = "prose"
    """Words, and no JSON at all."""
    TOOL_USE = "tool_use"
    """The model calls a tool that nobody gave it."""
    PAUSE_TURN = "pause_turn"
    """The model pauses in the middle of its turn."""
    CONTEXT_FULL = "context_full"
    """The reply is cut as the context is full, and says so."""
    HTML = "html"
    """200 with a web page."""
    OVERLONG = "overlong"
    """The reply goes on for as long as it may, and is cut."""
    STREAM = "stream"
    """200 with a stream of events that nobody asked for."""
    BAD_REQUEST = "bad_request"
    """400."""
    TOO_LONG = "too_long"
    """400: prompt is too long."""
    UNAUTHORIZED = "unauthorized"
    """401."""
    FORBIDDEN = "forbidden"
    """403."""
    NO_CREDIT = "no_credit"
    """400 that says the credit balance is too low."""
    SPEND_LIMIT = "spend_limit"
    """429 that no waiting mends: the organisation's spend limit."""
    UNKNOWN_MODEL = "unknown_model"
    """404."""
    ERRORED = "errored"
    """Of a batch's item only."""
    EXPIRED = "expired"
    """Of a batch's item only."""
    CANCELED = "canceled"
    """Of a batch's item only."""


HARMLESS = {
    FakeFault.THINKING,
    FakeFault.UNKNOWN_IDS,
    FakeFault.UNGROUNDED,
    FakeFault.OBEDIENT,
    FakeFault.FENCED,
    FakeFault.BRACES,
    FakeFault.ALOUD,
    FakeFault.TWICE,
    FakeFault.BARE_LIST,
}
"""Replies that still hold all that was planted."""
SPOILT = {
    FakeFault.TRUNCATED_JSON,
    FakeFault.BROKEN_SCHEMA,
    FakeFault.PROSE,
    FakeFault.TOOL_USE,
    FakeFault.PAUSE_TURN,
}
"""Replies that nothing can be read of."""
OF_A_BATCH = {FakeFault.ERRORED, FakeFault.EXPIRED, FakeFault.CANCELED}
OF_THE_ISSUE = (
    FakeFault.RATE_LIMIT,
    FakeFault.OVERLOADED,
    FakeFault.SERVER_ERROR,
    FakeFault.DROP,
    FakeFault.HANG,
    FakeFault.TRUNCATED_JSON,
    FakeFault.BROKEN_SCHEMA,
    FakeFault.REFUSAL,
    FakeFault.MAX_TOKENS,
    FakeFault.THINKING,
    FakeFault.UNKNOWN_IDS,
    FakeFault.UNGROUNDED,
    FakeFault.OBEDIENT,
)
"""What may go wrong in production, together."""


class FaultPlan:
    """Draws the fault of each call. The script goes first; then chance, seeded."""

    def __init__(self, chances: Mapping[str, float] | None = None, seed: int = 0) -> None:
        self.chances = {FakeFault(name): chance for name, chance in (chances or {}).items()}
        self.happened: Counter[str] = Counter()
        self._rng = Random(seed)
        self._script: deque[FakeFault | None] = deque()

    def script(self, faults: Iterable[str | None]) -> None:
        """The next calls meet these faults, None being none."""
        self._script.extend(None if fault is None else FakeFault(fault) for fault in faults)

    def draw(self, *, batch: bool = False) -> FakeFault | None:
        """The fault of the next call or batch item."""
        fault = self._script.popleft() if self._script else self._by_chance(batch)
        if fault is not None:
            self.happened[fault] += 1
        return fault

    def _by_chance(self, batch: bool) -> FakeFault | None:
        drawn = self._rng.random()
        for fault, chance in self.chances.items():
            if fault in OF_A_BATCH and not batch:
                continue
            if drawn < chance:
                return fault
            drawn -= chance
        return None
