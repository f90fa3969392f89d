"""What an exception of the SDK means: whose fault it is, whether to slow down, how long to wait."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field

import anthropic
import httpx2

from shared.domain.addresses import shown_address
from shared.domain.printable import on_one_line
from shared.resilience.faults import Fault
from shared.resilience.retry_after import retry_after

_SPENT = ("spend_limit", "billing", "credit")
"""Words in an error's code that mean money. A spend limit comes as a 429, which no waiting mends."""
MOST_READ = 800
"""Characters of a server's own words that are looked at."""
_TOO_LONG = ("prompt is too long", "context length", "context window", "maximum context", "too many tokens")
"""How servers say that a prompt does not fit."""


class CallRefusedError(Exception):
    """The provider will not answer this call. `too_long`: a shorter one may be answered."""

    def __init__(self, reason: str, *, too_long: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.too_long = too_long


class NoMessageError(Exception):
    """The server answered 200 with something that is no message. `streamed`: with a stream of events."""

    def __init__(self, *, streamed: bool = False) -> None:
        super().__init__()
        self.streamed = streamed


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call failed, and what to do."""

    fault: Fault
    outcome: str
    """A word for metrics."""
    reason: str
    """For people: what happened and what to do. Holds nothing of the transcript."""
    slow_down: bool = False
    """Too many calls at a time: 429, 529."""
    too_long: bool = False
    """The prompt does not fit the model: smaller ones may."""
    permanent: bool = False
    """Only the person can mend it: waiting does not."""
    unreachable: bool = False
    """No connection came about: that is never the call's own fault."""
    silent: bool = False
    """Nothing came back at all."""
    said: str = field(default="", repr=False, compare=False)
    """The server's own words, of one line: to be told where the call was harmless, and nowhere else."""
    retry_after: float | None = None
    """Seconds that the server asks to wait."""


def classify(error: BaseException, *, model: str, base_url: str) -> Failure:
    """The failure behind an exception that a call raised. What the SDK does not raise is raised again: bugs,
    the limit on cost, errors of ours that say what to do."""
    if isinstance(error, anthropic.APIStatusError):
        return _of_status(error, model, base_url)
    at = shown_address(base_url)
    if _never_sent(error):
        return Failure(
            Fault.TRANSIENT,
            "unreachable",
            f"cannot reach {at}: is ANTHROPIC_BASE_URL right, and the network up?",
            unreachable=True,
            silent=True,
        )
    if isinstance(error, anthropic.APITimeoutError | TimeoutError):
        return Failure(Fault.TRANSIENT, "timeout", f"no answer in time from {at}", silent=True)
    if isinstance(error, anthropic.APIConnectionError):
        return Failure(Fault.TRANSIENT, "dropped", f"{at} dropped the connection")
    if isinstance(error, anthropic.CredentialsError):
        return _unusable("no usable API key: set ANTHROPIC_API_KEY")
    if isinstance(error, NoMessageError):
        return _streamed(at) if error.streamed else _no_message(at)
    if isinstance(error, _GARBLED):
        return Failure(Fault.TRANSIENT, "garbled", f"{at} sent an answer that is no JSON")
    raise error


_GARBLED = (json.JSONDecodeError, UnicodeDecodeError, anthropic.APIError)
_NOT_CONNECTED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


def _never_sent(error: BaseException) -> bool:
    return isinstance(error.__cause__, _NOT_CONNECTED)


def is_stream(answer: object) -> bool:
    """Whether an answer that is no message is a stream of events."""
    return isinstance(answer, str) and answer.startswith(("event:", "data:", ":"))


def reply_lost(error: BaseException) -> bool:
    """Whether a call was sent whose reply never came whole, so that it may be billed all the same."""
    if isinstance(error, anthropic.APIStatusError):
        return False
    lost = (asyncio.CancelledError, TimeoutError, *_GARBLED)
    return isinstance(error, lost) and not _never_sent(error)


def _no_message(at: str) -> Failure:
    """The server answered, but not as the API does."""
    return _unusable(
        f"{at} answers with a web page or the like, not as the API does: set ANTHROPIC_BASE_URL right"
    )


def _streamed(at: str) -> Failure:
    return _unusable(
        f"{at} answers with a stream of events, though a whole answer was asked for: have it answer calls "
        "without `stream`, or set ANTHROPIC_BASE_URL to a server that does"
    )


def _of_status(error: anthropic.APIStatusError, model: str, base_url: str) -> Failure:
    status, at = error.status_code, shown_address(base_url)
    wait = retry_after(error.response.headers)
    if _is_page(error):
        if status >= 500:  # a proxy's own error page
            return Failure(Fault.TRANSIENT, "server_error", f"{at} answered {status}", retry_after=wait)
        return _no_message(at)
    if _is_spent(error):
        return _unusable("the account has no credit left, or its spend limit is reached: add credit")
    if status in (429, 529):
        return Failure(Fault.TRANSIENT, *_SLOW[status], slow_down=True, retry_after=wait)
    if status in (408, 409) or status >= 500:
        return Failure(Fault.TRANSIENT, "server_error", f"the provider answered {status}", retry_after=wait)
    if status == 413 or (status in (400, 422) and _is_too_long(error)):
        return Failure(Fault.POISON, "too_long", "too long for the model", too_long=True)
    if status == 401:
        return _unusable("the API key is refused (401): set ANTHROPIC_API_KEY to a valid one")
    if status == 403:
        return _unusable("the API key may not use this (403): check its workspace and permissions")
    if status == 404:
        return _unusable(
            f"{at} knows no model {model!r} (404): set SOULPRINT_CLAUDE_MODEL to one it has"
            + (", and ANTHROPIC_BASE_URL without /v1" if base_url.rstrip("/").endswith("/v1") else ""),
        )
    reason = f"the provider refuses the request ({status} {_kind(error)})"
    return Failure(Fault.POISON, "refused", reason, said=_said(error))


def _said(error: anthropic.APIStatusError) -> str:
    words = error.api_message or error.response.text
    return on_one_line(words[:MOST_READ])


_KIND = re.compile(r"[a-z]{1,20}(_[a-z]{1,20}){0,4}")


def _kind(error: anthropic.APIStatusError) -> str:
    """The provider's word for it; a server that is another's may send anything there."""
    return error.type if error.type and _KIND.fullmatch(error.type) else "error"


_SLOW = {429: ("rate_limited", "rate limited (429)"), 529: ("overloaded", "the provider is overloaded (529)")}


def _is_page(error: anthropic.APIStatusError) -> bool:
    return "html" in error.response.headers.get("content-type", "").lower()


def _is_spent(error: anthropic.APIStatusError) -> bool:
    if error.status_code == 402 or error.type == "billing_error":
        return True
    if any(word in (error.error_code or "") for word in _SPENT):
        return True
    return error.status_code in (400, 403, 429) and "credit balance" in (error.api_message or "").lower()


def _is_too_long(error: anthropic.APIStatusError) -> bool:
    said = (error.api_message or "").lower()
    return any(words in said for words in _TOO_LONG)


def _unusable(reason: str) -> Failure:
    return Failure(Fault.LANE, "unusable", reason, permanent=True)
