"""How Claude is used: everything a setting may change, in one value."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.models.claude.prices import PriceTable, load_prices


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """How often and how long one call is tried. Seconds."""

    attempts: int = 8
    """Most attempts on transient faults, the first one included."""
    backoff: float = 0.5
    """Longest wait before the second attempt; doubles with each."""
    backoff_cap: float = 20.0
    retry_after_cap: float = 60.0
    """Longest wait that a server may ask for."""
    deadline: float = 900.0
    """For a chunk over all its calls and waits; time in a paused lane not counted."""


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """How a pause goes. Seconds."""

    first_probe: float = 1.0
    """From the fault to the first trial; each failed trial doubles it."""
    probe_cap: float = 30.0
    patience: float | None = 300.0
    """How long calls wait in a paused lane before ModelUnavailableError; None: for ever. 0 leaves the waiting
    to the caller, such as a consumer pool with a lane of its own."""
    trials: int = 8
    """A call that meets a lane fault so often, each time after a trial that passed, is itself the trouble."""
    outage_trials: int = 2
    """The same for a call that used up its attempts on transient faults."""


@dataclass(frozen=True, slots=True)
class ClaudeOptions:
    """Settings of ClaudeModel."""

    model: str = "claude-haiku-5-5"
    api_key: str | None = None
    """None: as the SDK finds it, from ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN."""
    base_url: str | None = None
    """None: as the SDK finds it, from ANTHROPIC_BASE_URL, else the vendor's."""
    concurrency: int = 3
    """Most calls in flight."""
    tokens_per_minute: int | None = None
    """Most tokens, in and out, a minute; None: no limit of our own."""
    max_tokens: int = 8192
    """Most tokens of a reply."""
    timeout: float = 120.0
    """Seconds for one call."""
    max_cost: float | None = None
    """Dollars that calls may cost in all; None: no limit."""
    prices: PriceTable = field(default_factory=load_prices)
    retry: CallPolicy = field(default_factory=CallPolicy)
    lane: LanePolicy = field(default_factory=LanePolicy)
    batch_poll: float = 20.0
    """Seconds between two looks at a running batch; grows to five times that."""
