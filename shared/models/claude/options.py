"""How Claude is used: everything a setting may change, in one value."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.models.claude.prices import PriceTable, load_prices
from shared.resilience.backoff import Backoff
from shared.resilience.retry import RetryPolicy

RETRY = RetryPolicy(backoff=Backoff(base=0.5, cap=20.0), outage_trials=2)
"""How often and how long a call is tried; the deadline is a chunk's, over all its calls and waits. What is an
outage the other calls tell, so `outage_after` is not used."""

TRIALS = Backoff(base=1.0, cap=30.0, jitter=0.0)
"""When a paused lane is tried."""


@dataclass(frozen=True, slots=True)
class ClaudeOptions:
    """Settings of ClaudeModel. Times are seconds."""

    model: str = "claude-haiku-5-5"
    api_key: str | None = field(default=None, repr=False)
    """None: as the SDK finds it, from ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN."""
    base_url: str | None = field(default=None, repr=False)
    """None: as the SDK finds it, from ANTHROPIC_BASE_URL, else the vendor's."""
    concurrency: int = 3
    """Most calls in flight."""
    tokens_per_minute: int | None = None
    """Most tokens, in and out, a minute; None: no limit of our own."""
    max_tokens: int = 8192
    """Most tokens of a reply."""
    timeout: float = 120.0
    """For one call."""
    max_cost: float | None = None
    """Dollars that calls may cost in all; None: no limit."""
    prices: PriceTable = field(default_factory=load_prices)
    retry: RetryPolicy = RETRY
    retry_after_cap: float = 60.0
    """Longest wait that a server may ask for."""
    trials: Backoff = TRIALS
    """From a lane fault to the first trial, and from each to the next."""
    patience: float | None = 300.0
    """How long calls wait in a paused lane before ModelUnavailableError; None: for ever. 0 leaves the waiting
    to the caller, such as a consumer pool with a lane of its own."""
    batch_poll: float = 20.0
    """Between two looks at a running batch; grows to five times that."""
