"""One call to the provider, tried until it is answered: limits, faults, the lane, and what it all costs.

Whatever a call raises is one of three: CallRefusedError (this call is to blame), ModelUnavailableError (the
provider is) or CostLimitError. Every reply that came is counted, whatever it says.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Set
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import replace
from typing import Any, TypeVar

import structlog
from anthropic.types import Message

from shared.domain.errors import ModelUnavailableError
from shared.domain.events import Usage
from shared.models.claude.attempts import Attempts
from shared.models.claude.budget import Budget
from shared.models.claude.client import client_for
from shared.models.claude.failures import Failure, NoMessageError, classify, is_stream, reply_lost
from shared.models.claude.limiter import Concurrency, TokenRate
from shared.models.claude.options import ClaudeOptions
from shared.models.claude.structured import Spared, without
from shared.models.claude.trials import HARMLESS, PING, PINGED, Trial, for_all
from shared.models.claude.usage import Tally, length_of, usage_of
from shared.resilience.deadline import Deadline
from shared.resilience.faults import Fault, LaneError
from shared.resilience.lane import Lane

T = TypeVar("T")
PATIENCE_WITH_A_SETTING = 1.5
"""Seconds: long enough to see that a refused key, or a model that there is not, was no slip of theirs."""
SILENCE = 2.0
"""Seconds without an answer after which calls that are tried again are told of: one that fails is no news."""
STOPS = {"end_turn": "ok", "refusal": "declined", "max_tokens": "cut"}
"""Outcomes for metrics, by stop reason."""

log = structlog.get_logger(__name__)


class Caller:
    """Makes calls for one model at one provider. Used from one event loop only."""

    def __init__(self, options: ClaudeOptions) -> None:
        self.options = options
        self.lane = Lane(name="model", backoff=options.trials)
        self.concurrency = Concurrency(options.concurrency)
        self.total = Tally()
        """All that this caller's calls cost."""
        self._own = Tally(whole=self.total)
        self.budget = Budget(options, self.total)
        self.outcomes: Counter[str] = Counter()
        """How calls ended, trials included."""
        self._rate = TokenRate(options.tokens_per_minute)
        self._trial = Trial(PING, PINGED)
        self._spared = Spared()
        self._last_success = float("-inf")
        self.silent_since: float | None = None
        """Unix time since which no call was answered, whatever the answer; None while none is waited for."""
        self._failing: tuple[float, str] | None = None
        self._passing = True
        """Whether what the lane is paused for may pass by itself."""
        self._sure = False
        """Whether it surely does not: nobody need wait for it."""
        self.client = client_for(options)
        self._secrets = [each for each in (self.client.api_key, self.client.auth_token) if each]

    @property
    def base_url(self) -> str:
        """Where calls go. Not to be shown: see `shared.domain.addresses.shown_address`."""
        return str(self.client.base_url).rstrip("/")

    @property
    def retrying(self) -> str:
        """Why calls are tried again while none gets through; empty if some do."""
        since, reason = self._failing or (time.monotonic(), "")
        return f"{reason}; trying again" if time.monotonic() - since >= SILENCE else ""

    @property
    def _patience_is_over(self) -> bool:
        """Whether nothing got through for so long that there is no use in trying again. Whoever has no
        patience at all has a lane of their own, and leaves it to the attempts."""
        return bool(self.options.patience) and self.seconds_left == 0.0

    @property
    def seconds_left(self) -> float | None:
        """Until calls are given up if none gets through; None while some do, or if they never are."""
        if self.lane.paused:
            left = self.lane.left_of(self._patience)
        elif self._failing is not None and self._patience is not None:
            left = self._failing[0] + self._patience - time.monotonic()
        else:
            return None
        return None if left is None else max(0.0, left)

    def deadline(self) -> Deadline:
        """The time that a task has, over all its calls, from now on."""
        return Deadline(self.lane, self.options.retry.deadline)

    async def message(
        self,
        parameters: dict[str, Any],
        *,
        forecast: Usage,
        tally: Tally,
        deadline: Deadline,
        replaceable: bool = False,
        sent: Callable[[], None] = lambda: None,
    ) -> Message:
        """One message. `forecast` is what it will likely take, for the limits on tokens and dollars.
        `replaceable`: if it is refused another writer does the work, so nobody need find out why. `sent` is
        called whenever it is sent."""
        tokens = forecast.input_tokens + forecast.output_tokens  # what is read from the cache is not limited

        async def send() -> Message:
            used = 0
            sent()
            try:
                message = await self._send(parameters, tally, forecast)
                stated = usage_of(message, self.options.model, self.options.prices)
                used = stated.input_tokens + stated.output_tokens
            finally:
                self._rate.settle(tokens, used)
            return message

        told = None if replaceable else parameters
        return await self.tried(
            send, tally=tally, deadline=deadline, tokens=tokens, parameters=told, forecast=forecast
        )

    async def tried(
        self,
        send: Callable[[], Awaitable[T]],
        *,
        tally: Tally,
        deadline: Deadline,
        tokens: int = 0,
        parameters: dict[str, Any] | None = None,
        forecast: Usage | None = None,
    ) -> T:
        """What `send` gives, tried again by the one policy. `tokens` are what it may take of the rate;
        `parameters` those of the message that it sends, if it is one, and `forecast` what that likely
        takes: without one it is not held to the limit on cost."""
        attempts = Attempts(self.options.retry, deadline)
        while True:
            await self._enter(tally)
            left_out = self._spared.names
            async with self._room(forecast):
                if self.lane.paused:  # while it waited for room
                    continue
                await self._rate.take(tokens)
                outcome, sent_at = await self._once(send)
                if not isinstance(outcome, Failure):
                    self._succeeded()
                    return outcome
                # what was refused is not billed, so that a trial of no more has room in its place
                failure = await self._judged(outcome, parameters, tally, forecast or PINGED, left_out)
            if failure.slow_down:
                self.concurrency.slow_down(sent_at, self._asked_wait(failure))
            if failure.fault is Fault.POISON:
                self._failing = None  # it answers
                attempts.refused(failure, doubtful=parameters is not None)
                continue
            if failure.fault is Fault.TRANSIENT:
                self._failing = (self._failing or (time.monotonic(), ""))[0], failure.reason
                again = attempts.failed(failure, last_success=self._last_success)
                if again and not self._patience_is_over:
                    await self._wait(attempts.failures, failure)
                    continue
                attempts.exhausted(failure, last_success=self._last_success)
            attempts.blocked(failure, alone=outcome.fault is not Fault.POISON)
            self._pause(failure, parameters, forecast or PINGED)

    def _room(self, forecast: Usage | None) -> AbstractAsyncContextManager[None]:
        return nullcontext() if forecast is None else self.budget.room(forecast)

    async def answers(self) -> None:
        """Return once the lane is open. Raises ModelUnavailableError when patience has ended."""
        await self._enter(self._own)

    async def _enter(self, tally: Tally) -> None:
        """Wait until the lane is open, and try it when it is this call's turn, at the cost of `tally`."""
        try:
            while await self.lane.enter(self._patience):
                await self._try_lane(tally)
        except LaneError as error:
            raise ModelUnavailableError(f"the model cannot be used: {error}") from None

    @property
    def _patience(self) -> float | None:
        """Seconds that a call waits in the paused lane: few where only the person can mend what is wrong."""
        patience = self.options.patience
        if self._passing:
            return patience
        if self._sure:
            return 0.0 if patience is not None else None
        return PATIENCE_WITH_A_SETTING if patience is None else min(patience, PATIENCE_WITH_A_SETTING)

    async def _try_lane(self, tally: Tally) -> None:
        """One small call; the lane is told what became of it."""
        try:
            trial = self._trial
            async with self.budget.room(trial.takes):
                outcome = await self._outcome(lambda: self._send(trial.parameters, tally, trial.takes))
        except BaseException:
            self.lane.report(None)
            raise
        if not isinstance(outcome, Failure):
            if trial.wrong is not None and (wrong := trial.wrong(outcome)):
                self.lane.report(False, wrong)
            else:
                self._sure = False
                self.lane.reopen()
        else:
            refused = outcome.fault is Fault.POISON
            self._passing = not (outcome.permanent or refused)
            self.lane.report(False, for_all(outcome, self._secrets) if refused else outcome.reason)

    async def _once(self, send: Callable[[], Awaitable[T]]) -> tuple[T | Failure, float]:
        """One attempt when there is a slot for it, and the loop's time at which it was let out."""
        async with self.concurrency.slot() as sent_at:
            if self.silent_since is None:
                self.silent_since = time.time()
            try:
                outcome = await self._outcome(send)
            except BaseException:
                if self.concurrency.in_flight == 1:
                    self.silent_since = None
                raise
            if not (isinstance(outcome, Failure) and outcome.silent):
                self.silent_since = time.time() if self.concurrency.in_flight > 1 else None
            return outcome, sent_at

    async def _outcome(self, send: Callable[[], Awaitable[T]]) -> T | Failure:
        try:
            return await send()
        except Exception as error:
            failure = classify(error, model=self.options.model, base_url=self.base_url)
            self.outcomes[failure.outcome] += 1
            return failure

    async def _judged(
        self,
        failure: Failure,
        parameters: dict[str, Any] | None,
        tally: Tally,
        takes: Usage,
        left_out: Set[str],
    ) -> Failure:
        """A refused request is poison if its content is to blame: if the same parameters get through with a
        harmless content. Else they are wrong for all: such as a server need not know are left out from now
        on, and for others the lane is at fault."""
        if failure.fault is not Fault.POISON or failure.too_long or parameters is None:
            return failure
        if left_out != self._spared.names:  # another call has found out meanwhile
            return replace(failure, fault=Fault.TRANSIENT)
        said = ""
        if not self.lane.paused:

            async def send(harmless: dict[str, Any]) -> Message | Failure:
                return (await self._once(lambda: self._send(harmless, tally, takes)))[0]

            trial = await send(harmless := {**parameters, **HARMLESS})
            if not isinstance(trial, Failure):
                return failure
            refused = await self._spared.find(harmless, trial, send)
            if refused is None:
                return replace(failure, fault=Fault.TRANSIENT)
            if refused.fault is not Fault.POISON:
                return refused
            said = refused.said
        failure = replace(failure, fault=Fault.LANE, permanent=True, said=said)
        return replace(failure, reason=for_all(failure, self._secrets))

    def distrust(self, trial: Trial, reason: str) -> None:
        """The lane pauses, as a harmless call was answered and the answer is of no use; nobody need wait."""
        self._trial, self._passing, self._sure = trial, False, True
        self.lane.trip(reason)

    def _pause(self, failure: Failure, parameters: dict[str, Any] | None, takes: Usage) -> None:
        """The lane pauses, until a harmless call of the kind that tripped it gets through."""
        self._trial = Trial(PING, PINGED) if parameters is None else Trial({**parameters, **HARMLESS}, takes)
        self._passing, self._sure = not failure.permanent, False
        since = None if failure.permanent or self._failing is None else self._failing[0]
        self.lane.trip(failure.reason, since=since)

    async def _send(self, parameters: dict[str, Any], tally: Tally, takes: Usage) -> Message:
        """One call, which counts whatever becomes of it. `takes`: its forecast."""
        parameters = without(parameters, self._spared.names)
        try:
            async with asyncio.timeout(self.options.timeout):
                message = await self.client.messages.create(model=self.options.model, **parameters)
        except BaseException as error:
            if reply_lost(error):
                tally.add(Usage(unanswered=1))
                self.budget.lost(takes)
            raise
        if not isinstance(message, Message) or not isinstance(getattr(message, "content", None), list):
            raise NoMessageError(streamed=is_stream(message))
        usage = usage_of(message, self.options.model, self.options.prices)
        tally.add(usage)
        if usage.cost is None:
            self.budget.untold(takes, length_of(message))
        self.outcomes[STOPS.get(message.stop_reason or "end_turn", "other")] += 1
        return message

    def _succeeded(self) -> None:
        self._last_success = time.monotonic()
        self._failing, self._passing = None, True
        self.lane.succeeded()
        self.concurrency.succeeded()

    def _asked_wait(self, failure: Failure) -> float | None:
        if failure.retry_after is None:
            return None
        return min(failure.retry_after, self.options.retry_after_cap)

    async def _wait(self, failures: int, failure: Failure) -> None:
        asked = self._asked_wait(failure)
        delay = self.options.retry.backoff.delay(failures)
        log.debug("call failed", reason=failure.reason, failures=failures)
        if not failure.slow_down and asked is not None:
            delay = max(delay, asked)
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self.lane.pauses()  # what waits there need not wait here

    async def close(self) -> None:
        """Release the connections. Safe to call twice."""
        await self.lane.close()
        await self.client.close()
