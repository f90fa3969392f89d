"""A question to the model and its answer: stop reasons looked at, content picked by type, one repair."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from anthropic.types import Message, TextBlock
from pydantic import BaseModel

from shared.domain.events import Usage
from shared.domain.text import estimate_tokens
from shared.models.claude.caller import Caller
from shared.models.claude.options import ClaudeOptions
from shared.models.claude.parsing import InvalidReplyError, parse_reply
from shared.models.claude.prompts import REPAIR, Prompt, read_prompt
from shared.models.claude.traits import traits_of
from shared.models.claude.usage import Tally
from shared.resilience.deadline import Deadline

R = TypeVar("R", bound=BaseModel)


CUT_ADVICE = "set SOULPRINT_MODEL_MAX_TOKENS higher"
LENGTH_ADVICE = "give the model a longer context, or set SOULPRINT_CHUNK_TOKENS lower"
TOLD_AGAIN = 8000
"""Most characters of a spoilt reply that the model is shown to mend it."""


class CutReplyError(Exception):
    """The reply or its context ran out of room: less must be asked at a time. `advice`: what to set."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.advice = advice


class Heed(Protocol):
    """Who is told of a question's replies, and may have its repair wait."""

    def sent(self) -> None:
        """It is on its way."""

    def good(self) -> None:
        """Its reply could be read."""

    async def spoilt(self) -> None:
        """It could not. Returns when it may be repaired."""


class RefusedReplyError(Exception):
    """The model declined. It is not asked again."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question: a prompt's fixed part, the values in it, and the data."""

    prompt: Prompt
    data: str
    values: tuple[tuple[str, object], ...] = ()

    def parameters(self, options: ClaudeOptions) -> dict[str, Any]:
        """Everything of the call but the model's name. temperature, top_p and top_k are not sent: current
        models refuse them."""
        traits = traits_of(options.model)
        config: dict[str, Any] = {"format": {"type": "json_schema", "schema": self.prompt.schema}}
        if traits.effort is not None:
            config["effort"] = traits.effort
        return {
            "max_tokens": options.max_tokens,
            "system": self.prompt.system(options.model, **dict(self.values)),
            "messages": [{"role": "user", "content": self.data}],
            "output_config": config,
            **traits.parameters(),
        }


def read_reply(message: Message, reply: type[R]) -> R:
    """The answer in a message. Raises InvalidReplyError, CutReplyError or RefusedReplyError."""
    stop = getattr(message, "stop_reason", None)
    if stop in ("max_tokens", "model_context_window_exceeded"):
        advice = CUT_ADVICE if stop == "max_tokens" else LENGTH_ADVICE
        raise CutReplyError(f"the reply was cut ({stop})", advice)
    if stop == "refusal":
        category = getattr(getattr(message, "stop_details", None), "category", None)
        raise RefusedReplyError(f"the model refused to read it ({category or 'no category given'})")
    if stop not in ("end_turn", "stop_sequence", None):
        raise InvalidReplyError(f"it stopped for {stop}")
    return parse_reply(text_of(message), reply)


def text_of(message: Message) -> str:
    """The text blocks of a message, together; thinking and all other blocks are passed over."""
    return "".join(
        block.text or "" for block in message.content if isinstance(block, TextBlock) and block.type == "text"
    )


def forecast(request: Request, options: ClaudeOptions, output_share: float) -> Usage:
    """What a call will likely take: tokens reckoned from bytes, dollars from the price table."""
    margin = traits_of(options.model).token_margin
    tokens = math.ceil((request.prompt.fixed_tokens + estimate_tokens(request.data)) * margin)
    cached = math.floor(request.prompt.cached_tokens(options.model) * margin)
    usage = Usage(
        calls=1,
        input_tokens=tokens - cached,
        cache_read_tokens=cached,
        output_tokens=min(options.max_tokens, math.ceil(tokens * output_share)),
    )
    return usage.model_copy(update={"cost": options.prices.cost(options.model, usage)})


async def ask(
    caller: Caller,
    request: Request,
    reply: type[R],
    tally: Tally,
    deadline: Deadline,
    output_share: float = 0.5,
    *,
    replaceable: bool = False,
    heed: Heed | None = None,
    repaired: bool = True,
) -> R:
    """The model's answer, `repaired` once if it does not validate; `replaceable` as for Caller.message.

    Raises InvalidReplyError, CutReplyError, RefusedReplyError; and what Caller.message raises.
    """
    parameters = request.parameters(caller.options)
    expected = forecast(request, caller.options, output_share)

    async def answer(expected: Usage, sent: Callable[[], None] = lambda: None) -> Message:
        return await caller.message(
            parameters, forecast=expected, tally=tally, deadline=deadline, replaceable=replaceable, sent=sent
        )

    def read(message: Message) -> R:
        answer = read_reply(message, reply)
        if heed is not None:
            heed.good()
        return answer

    message = await (answer(expected) if heed is None else answer(expected, heed.sent))
    try:
        return read(message)
    except InvalidReplyError as error:
        if not repaired:
            raise
        said = text_of(message).strip()[:TOLD_AGAIN] or "(empty)"
        wanted = read_prompt(*REPAIR).replace("{error}", error.told)
        parameters["messages"] = [
            *parameters["messages"],
            {"role": "assistant", "content": said},
            {"role": "user", "content": wanted},
        ]
    if heed is not None:
        await heed.spoilt()
    more = math.ceil(estimate_tokens(said + wanted) * traits_of(caller.options.model).token_margin)
    message = await answer(expected.model_copy(update={"input_tokens": expected.input_tokens + more}))
    try:
        return read(message)
    except InvalidReplyError as error:
        told = f"the reply is not of its schema: {error.told}"
        raise InvalidReplyError(told, text_of(message), error.spoilt) from None
