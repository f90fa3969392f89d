"""One call to the provider, tried until it is answered: limits, faults, the lane, and what it all costs.

Whatever a call raises is one of three: CallRefusedError (this call is to blame), ModelUnavailableError (the
provider is) or CostLimitError. Every reply that came is counted, whatever it says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import anthropic
import httpx2
import structlog
from anthropic.types import Message

from shared.errors import CostLimitError, UsageError
from shared.events import Usage
from shared.log.faults import Backoff, Fault
from shared.models.claude.faults import Failure, classify, no_message
from shared.models.claude.lane import ModelLane
from shared.models.claude.limiter import Concurrency, TokenRate
from shared.models.claude.options import ClaudeOptions
from shared.models.claude.usage import Tally, usage_of

T = TypeVar("T")
PING = {"max_tokens": 16, "messages": [{"role": "user", "content": "Reply with: ok"}]}
"""The smallest call that proves that the provider answers."""
POISON_IN_A_ROW = 5
"""So many refused requests without one that got through are the set-up's fault, not the requests'."""

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
        self._rate = TokenRate(options.tokens_per_minute)
        self._backoff = Backoff(options.retry.backoff, options.retry.backoff_cap)
        self._poison = 0
        self._last_success = float("-inf")
        self._reserved = 0.0
        try:
            self.client = anthropic.AsyncAnthropic(
                api_key=options.api_key,
                base_url=options.base_url,
                timeout=httpx2.Timeout(options.timeout, connect=min(10.0, options.timeout)),
                max_retries=0,  # one retry policy, ours: it counts, caps and obeys the lane
            )
        except (anthropic.AnthropicError, ValueError, httpx2.InvalidURL) as error:
            raise UsageError(f"Claude cannot be set up; set ANTHROPIC_API_KEY, or mend: {error}") from None
        if not (self.client.api_key or self.client.auth_token or self.client.credentials):
            raise UsageError("no API key: set ANTHROPIC_API_KEY, or use --model offline, which needs none")

    @property
    def base_url(self) -> str:
        """Where calls go."""
        return str(self.client.base_url).rstrip("/")

    async def message(
        self, parameters: dict[str, Any], *, forecast: Usage, tally: Tally, patience: Patience
    ) -> Message:
        """One message. `forecast` is what it will likely take, for the limits on tokens and dollars."""
        tokens = forecast.input_tokens + forecast.output_tokens

        async def send() -> Message:
            used = 0
            reserved = self._reserve(forecast, int(parameters["max_tokens"]))
            try:
                message = await self._send(parameters, tally)
                used = message.usage.input_tokens + message.usage.output_tokens if message.usage else 0
            finally:
                self._reserved -= reserved
                self._rate.settle(tokens, used)
            return message

        return await self.tried(send, tally=tally, patience=patience, tokens=tokens)

    async def tried(
        self,
        send: Callable[[], Awaitable[T]],
        *,
        tally: Tally,
        patience: Patience,
        tokens: int = 0,
    ) -> T:
        """What `send` gives, tried again by the one policy. `tokens` are what it may take of the rate."""
        pauses = 0
        failed_at: list[float] = []
        while True:
            await self.lane.enter(lambda: self._ping(tally))
            await self._rate.take(tokens)
            outcome, sent_at = await self._once(send)
            if not isinstance(outcome, Failure):
                self._succeeded()
                return outcome
            failure = self._judged(outcome)
            if failure.slow_down:
                self.concurrency.slow_down(sent_at, self._asked_wait(failure))
            if failure.fault is Fault.POISON:
                raise CallRefusedError(failure.reason, too_long=failure.too_long)
            if failure.fault is Fault.TRANSIENT:
                failed_at.append(asyncio.get_running_loop().time())
                if len(failed_at) < self.options.retry.attempts and not patience.ended:
                    log.debug("call failed", reason=failure.reason, failures=len(failed_at))
                    await self._wait(len(failed_at), failure)
                    continue
                if self._others_pass(failed_at):
                    raise CallRefusedError(f"gave up after {len(failed_at)} attempts: {failure.reason}")
            pauses += outcome.fault is not Fault.POISON
            if pauses > self._trials(failure):
                raise CallRefusedError(f"this call alone fails again and again: {failure.reason}")
            self.lane.trip(failure.reason)
            failed_at.clear()

    def _others_pass(self, failed_at: Sequence[float]) -> bool:
        """Whether another call got through since the latter half of these failures began; if none did, the
        provider is down rather than this call bad."""
        return self._last_success > failed_at[len(failed_at) // 2]

    def _trials(self, failure: Failure) -> int:
        policy = self.options.lane
        return policy.outage_trials if failure.fault is Fault.TRANSIENT else policy.trials

    def _judged(self, failure: Failure) -> Failure:
        """A refused request is poison; many in a row, and none that got through, are a wrong set-up."""
        if failure.fault is not Fault.POISON or failure.too_long:
            return failure
        self._poison += 1
        if self._poison < POISON_IN_A_ROW:
            return failure
        return replace(failure, fault=Fault.LANE, reason=f"{failure.reason}, each of the last {self._poison}")

    async def _once(self, send: Callable[[], Awaitable[T]]) -> tuple[T | Failure, float]:
        sent_at = asyncio.get_running_loop().time()
        try:
            async with self.concurrency.slot() as sent_at:
                return await send(), sent_at
        except CostLimitError:
            raise
        except _NoMessageError:
            return no_message(self.base_url), sent_at
        except Exception as error:
            return classify(error, model=self.options.model, base_url=self.base_url), sent_at

    async def _send(self, parameters: dict[str, Any], tally: Tally) -> Message:
        async with asyncio.timeout(self.options.timeout):
            message = await self.client.messages.create(model=self.options.model, **parameters)
        if not isinstance(message, Message) or not isinstance(getattr(message, "content", None), list):
            raise _NoMessageError
        tally.add(usage_of(message, self.options.model, self.options.prices))
        return message

    async def _ping(self, tally: Tally) -> str | None:
        try:
            await self._send(PING, tally)
        except _NoMessageError:
            return no_message(self.base_url).reason
        except Exception as error:
            return classify(error, model=self.options.model, base_url=self.base_url).reason
        return None

    def _succeeded(self) -> None:
        self._poison = 0
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

    def _reserve(self, forecast: Usage, max_tokens: int) -> float:
        """Set aside what the call costs at worst; gives the dollars. Raises CostLimitError at the limit."""
        limit = self.options.max_cost
        if limit is None:
            return 0.0
        worst = self.options.prices.cost(
            self.options.model, forecast.model_copy(update={"output_tokens": max_tokens})
        )
        if worst is None:
            raise CostLimitError(
                f"the price of {self.options.model} is not known, so no limit on cost can be kept: "
                "give a price file, or no limit"
            )
        spent = self.total.total.cost or 0.0
        if spent + self._reserved + worst > limit:
            raise CostLimitError(
                f"the next call could pass the limit of ${limit:.2f}: ${spent:.4f} is spent; "
                "what it bought is kept, and the same command with a higher limit goes on from there"
            )
        self._reserved += worst
        return worst

    async def close(self) -> None:
        """Release the connections. Safe to call twice."""
        await self.client.close()


class _NoMessageError(Exception):
    """The server answered 200 with something that is no message."""
