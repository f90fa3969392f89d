"""One call to the provider, tried until it is answered: limits, faults, the lane, and what it all costs.

Whatever a call raises is one of three: CallRefusedError (this call is to blame), ModelUnavailableError (the
provider is) or CostLimitError. Every reply that came is counted, whatever it says.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import anthropic
import httpx2
import structlog
from anthropic.types import Message

from shared.domain.errors import CostLimitError, UsageError
from shared.domain.events import Usage
from shared.models.claude.budget import Budget
from shared.models.claude.failures import Failure, classify, no_message, reply_lost
from shared.models.claude.lane import ModelLane
from shared.models.claude.limiter import Concurrency, TokenRate
from shared.models.claude.options import ClaudeOptions
from shared.models.claude.usage import Tally, usage_of
from shared.resilience.backoff import Backoff
from shared.resilience.faults import Fault

T = TypeVar("T")
HARMLESS: dict[str, Any] = {"messages": [{"role": "user", "content": "Reply with: ok"}]}
"""What a trial says: refused with a call's own parameters, it is they that are refused, not the content."""
PING: dict[str, Any] = {"max_tokens": 16, **HARMLESS}
"""The smallest call that proves that the provider answers."""
REFUSALS = 2
"""A request is refused for its content if it is so often, each time while a harmless one gets through: once
may be a wrong set-up that was mended in between."""
CONNECT_ATTEMPTS = 3
"""Attempts to connect before the provider counts as down: fewer than those of a call that was taken."""
STOPS = {"end_turn": "ok", "refusal": "declined", "max_tokens": "cut"}
"""Outcomes for metrics, by stop reason."""

log = structlog.get_logger(__name__)


class CallRefusedError(Exception):
    """The provider will not answer this call. `too_long`: a shorter one may be answered."""

    def __init__(self, reason: str, *, too_long: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.too_long = too_long


@dataclass(slots=True)
class Patience:
    """How long a task may take over all its calls; time in a paused lane does not count."""

    lane: ModelLane
    seconds: float
    started: float
    paused_before: float

    @classmethod
    def begin(cls, lane: ModelLane, seconds: float) -> Patience:
        """Starts now."""
        return cls(lane, seconds, asyncio.get_running_loop().time(), lane.paused_seconds)

    @property
    def ended(self) -> bool:
        """Whether the task has had its time."""
        paused = self.lane.paused_seconds - self.paused_before
        return asyncio.get_running_loop().time() - self.started - paused > self.seconds


class Caller:
    """Makes calls for one model at one provider. Used from one event loop only."""

    def __init__(self, options: ClaudeOptions) -> None:
        self.options = options
        self.lane = ModelLane(options.lane)
        self.concurrency = Concurrency(options.concurrency)
        self.total = Tally()
        """All that this caller's calls cost."""
        self._own = Tally(whole=self.total)
        self.budget = Budget(options, self.total)
        self.outcomes: Counter[str] = Counter()
        """How calls ended, trials included."""
        self._rate = TokenRate(options.tokens_per_minute)
        self._backoff = Backoff(options.retry.backoff, options.retry.backoff_cap)
        self._trial = PING
        self._last_success = float("-inf")
        try:
            self.client = anthropic.AsyncAnthropic(
                api_key=options.api_key,
                base_url=options.base_url,
                timeout=httpx2.Timeout(options.timeout, connect=min(10.0, options.timeout)),
                max_retries=0,  # one retry policy, ours: it counts, caps and obeys the lane
            )
        except (anthropic.AnthropicError, ValueError, httpx2.InvalidURL) as error:
            raise UsageError(f"Claude cannot be set up; set ANTHROPIC_API_KEY, or mend: {error}") from None
        if self.client.base_url.scheme not in ("http", "https"):
            raise UsageError(f"set ANTHROPIC_BASE_URL to http(s)://host[:port], not to {self.base_url}")
        if not (self.client.api_key or self.client.auth_token or self.client.credentials):
            raise UsageError("no API key: set ANTHROPIC_API_KEY, or use --model offline, which needs none")

    @property
    def base_url(self) -> str:
        """Where calls go."""
        return str(self.client.base_url).rstrip("/")

    async def message(
        self,
        parameters: dict[str, Any],
        *,
        forecast: Usage,
        tally: Tally,
        patience: Patience,
        replaceable: bool = False,
    ) -> Message:
        """One message. `forecast` is what it will likely take, for the limits on tokens and dollars.
        `replaceable`: if it is refused another writer does the work, so nobody need find out why."""
        tokens = forecast.input_tokens + forecast.output_tokens  # what is read from the cache is not limited

        async def send() -> Message:
            used = 0
            reserved = self.budget.set_aside(forecast)
            try:
                message = await self._send(parameters, tally)
                used = message.usage.input_tokens + message.usage.output_tokens if message.usage else 0
            finally:
                self.budget.reserved -= reserved
                self._rate.settle(tokens, used)
            return message

        told = None if replaceable else parameters
        return await self.tried(send, tally=tally, patience=patience, tokens=tokens, parameters=told)

    async def tried(
        self,
        send: Callable[[], Awaitable[T]],
        *,
        tally: Tally,
        patience: Patience,
        tokens: int = 0,
        parameters: dict[str, Any] | None = None,
    ) -> T:
        """What `send` gives, tried again by the one policy. `tokens` are what it may take of the rate;
        `parameters` those of the message that it sends, if it is one."""
        pauses = refused = 0
        failed_at: list[float] = []
        while True:
            await self.lane.enter(lambda: self._ping(tally))
            await self._rate.take(tokens)
            outcome, sent_at = await self._once(send)
            if not isinstance(outcome, Failure):
                self._succeeded()
                return outcome
            failure = await self._judged(outcome, parameters, tally)
            if failure.slow_down:
                self.concurrency.slow_down(sent_at, self._asked_wait(failure))
            if failure.fault is Fault.POISON:
                refused += 1
                if parameters is not None and not failure.too_long and refused < REFUSALS:
                    continue
                raise CallRefusedError(failure.reason, too_long=failure.too_long)
            if failure.fault is Fault.TRANSIENT:
                failed_at.append(asyncio.get_running_loop().time())
                if len(failed_at) < self._attempts(failure) and not patience.ended:
                    log.debug("call failed", reason=failure.reason, failures=len(failed_at))
                    await self._wait(len(failed_at), failure)
                    continue
                if not failure.unreachable and self._others_pass(failed_at):
                    raise CallRefusedError(f"gave up after {len(failed_at)} attempts: {failure.reason}")
            pauses += outcome.fault is not Fault.POISON and not failure.unreachable
            if pauses > self._trials(failure):
                raise CallRefusedError(f"this call alone fails again and again: {failure.reason}")
            self._trial = PING if parameters is None else {**parameters, **HARMLESS}
            self.lane.trip(failure.reason)
            failed_at.clear()

    async def answers(self) -> None:
        """Return once the lane is open. Raises ModelUnavailableError when patience has ended."""
        await self.lane.enter(lambda: self._ping(self._own))

    def _others_pass(self, failed_at: Sequence[float]) -> bool:
        """Whether another call got through since the latter half of these failures began; if none did, the
        provider is down rather than this call bad."""
        return self._last_success > failed_at[len(failed_at) // 2]

    def _trials(self, failure: Failure) -> int:
        policy = self.options.lane
        return policy.outage_trials if failure.fault is Fault.TRANSIENT else policy.trials

    def _attempts(self, failure: Failure) -> int:
        attempts = self.options.retry.attempts
        return min(CONNECT_ATTEMPTS, attempts) if failure.unreachable else attempts

    async def _judged(self, failure: Failure, parameters: dict[str, Any] | None, tally: Tally) -> Failure:
        """A refused request is poison if its content is to blame: if the same parameters get through with a
        harmless content. Else they are wrong for all, and the lane is at fault."""
        if failure.fault is not Fault.POISON or failure.too_long or parameters is None:
            return failure
        if not self.lane.state.paused:
            harmless = {**parameters, **HARMLESS}
            trial, _ = await self._once(lambda: self._send(harmless, tally))
            if not isinstance(trial, Failure):
                return failure
            if trial.fault is not Fault.POISON:
                return trial
        return replace(failure, fault=Fault.LANE, reason=_for_all(failure))

    async def _once(self, send: Callable[[], Awaitable[T]]) -> tuple[T | Failure, float]:
        sent_at = asyncio.get_running_loop().time()
        try:
            async with self.concurrency.slot() as sent_at:
                return await send(), sent_at
        except CostLimitError:
            raise
        except Exception as error:
            return self._failure(error), sent_at

    def _failure(self, error: Exception) -> Failure:
        if isinstance(error, _NoMessageError):
            failure = no_message(self.base_url)
        else:
            failure = classify(error, model=self.options.model, base_url=self.base_url)
        self.outcomes[failure.outcome] += 1
        return failure

    async def _send(self, parameters: dict[str, Any], tally: Tally) -> Message:
        try:
            async with asyncio.timeout(self.options.timeout):
                message = await self.client.messages.create(model=self.options.model, **parameters)
        except BaseException as error:
            if reply_lost(error):
                tally.add(Usage(unanswered=1))
            raise
        if not isinstance(message, Message) or not isinstance(getattr(message, "content", None), list):
            raise _NoMessageError
        tally.add(usage_of(message, self.options.model, self.options.prices))
        self.outcomes[STOPS.get(message.stop_reason or "end_turn", "other")] += 1
        return message

    async def _ping(self, tally: Tally) -> str | None:
        try:
            await self._send(self._trial, tally)
        except Exception as error:
            failure = self._failure(error)
            return _for_all(failure) if failure.fault is Fault.POISON else failure.reason
        return None

    def _succeeded(self) -> None:
        self._last_success = asyncio.get_running_loop().time()
        self.lane.succeeded()
        self.concurrency.succeeded()

    def _asked_wait(self, failure: Failure) -> float | None:
        if failure.retry_after is None:
            return None
        return min(failure.retry_after, self.options.retry.retry_after_cap)

    async def _wait(self, failures: int, failure: Failure) -> None:
        asked = self._asked_wait(failure)
        delay = self._backoff.delay(max(1, failures))
        if not failure.slow_down and asked is not None:
            delay = max(delay, asked)
        await asyncio.sleep(delay)

    async def close(self) -> None:
        """Release the connections. Safe to call twice."""
        await self.client.close()


def _for_all(failure: Failure) -> str:
    return f"{failure.reason}, whatever it holds: check SOULPRINT_CLAUDE_MODEL and MODEL_MAX_TOKENS"


class _NoMessageError(Exception):
    """The server answered 200 with something that is no message."""
