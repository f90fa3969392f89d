"""What went wrong with a call for embeddings: whose fault it is, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2

from shared.resilience.faults import Fault
from shared.resilience.retry_after import retry_after

_TOO_LONG = (
    "context length", "context window", "too long", "too large", "too many tokens", "maximum input",
    "must have less than", "must be less than", "max_length", "token limit", "length limit",
)  # fmt: skip
"""How servers say that a text, or what is sent in one call, is more than they take."""
_SPENT = ("insufficient_quota", "billing", "credit balance", "budget has been exceeded", "exceeded budget")
"""How servers say that money has run out, which no waiting mends."""


class EmbeddingError(Exception):
    """A call that gave no embeddings. `reason` is for people, and holds nothing of a text."""

    def __init__(
        self,
        fault: Fault,
        outcome: str,
        reason: str,
        *,
        too_long: bool = False,
        doubtful: bool = False,
        wait: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.fault = fault
        """POISON: the texts are to blame; LANE: only somebody can mend it; TRANSIENT: it may pass."""
        self.outcome = outcome
        """A word for metrics."""
        self.reason = reason
        self.too_long = too_long
        """Fewer or shorter texts may be embedded."""
        self.doubtful = doubtful
        """It may pass, or lie in the texts all the same."""
        self.wait = wait
        """Seconds that the server asks to wait."""


def of_status(
    status: int, headers: Mapping[str, str], body: bytes, *, url: str, model: str
) -> EmbeddingError:
    """What a status other than 200 means. The body is looked at and never repeated: servers quote texts."""
    wait = retry_after(headers)
    if "html" in headers.get("content-type", "").lower():
        if status >= 500 or status == 429:  # a proxy's own error page
            return EmbeddingError(Fault.TRANSIENT, "server_error", f"{url} answered {status}", wait=wait)
        return no_api(url)
    said = body.decode("utf-8", "replace").lower()
    if status == 402 or (status in (400, 403, 429) and any(words in said for words in _SPENT)):
        return _unusable("the account of the embeddings server has no credit left: add credit")
    if status == 429:
        return EmbeddingError(
            Fault.TRANSIENT, "rate_limited", "the embeddings server limits calls (429)", wait=wait
        )
    too_long = status == 413 or (status in (400, 422, 500) and any(words in said for words in _TOO_LONG))
    if too_long:
        return EmbeddingError(Fault.POISON, "too_long", f"too long for {model} ({status})", too_long=True)
    if status == 503 or status in (408, 409, 425):
        return EmbeddingError(
            Fault.TRANSIENT, "server_error", f"the embeddings server answered {status}", wait=wait
        )
    if status >= 500:
        return EmbeddingError(
            Fault.TRANSIENT,
            "server_error",
            f"the embeddings server answered {status}",
            doubtful=True,
            wait=wait,
        )
    if status in (401, 403):
        return _unusable(
            f"the embeddings server refuses the key ({status}): set SOULPRINT_EMBEDDINGS_API_KEY right"
        )
    if status == 404 or (status == 400 and "model" in said and ("not found" in said or "not exist" in said)):
        return _unusable(
            f"{url} knows no model {model!r} ({status}): set SOULPRINT_EMBEDDINGS_MODEL to one that it has, "
            "and SOULPRINT_EMBEDDINGS_URL right"
        )
    if 300 <= status < 400:
        return _unusable(f"{url} sends calls elsewhere ({status}): set SOULPRINT_EMBEDDINGS_URL right")
    return EmbeddingError(Fault.POISON, "refused", f"the embeddings server refuses it ({status})")


def of_exception(error: Exception, *, url: str) -> EmbeddingError:
    """What an exception of the HTTP client means."""
    if isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)):
        return EmbeddingError(
            Fault.TRANSIENT,
            "unreachable",
            f"cannot reach {url}: is SOULPRINT_EMBEDDINGS_URL right, and the server up?",
        )
    if isinstance(error, (httpx2.TimeoutException, TimeoutError)):
        return EmbeddingError(Fault.TRANSIENT, "timeout", f"no answer in time from {url}", doubtful=True)
    return EmbeddingError(Fault.TRANSIENT, "dropped", f"{url} dropped the connection", doubtful=True)


def garbled(url: str, what: str) -> EmbeddingError:
    """An answer that is none; `what` says how, and holds nothing of it."""
    return EmbeddingError(Fault.TRANSIENT, "garbled", f"{url} answers {what}", doubtful=True)


def no_api(url: str) -> EmbeddingError:
    """The server answered, but not as the API does."""
    return _unusable(
        f"{url} answers with a web page, not as /v1/embeddings does: set SOULPRINT_EMBEDDINGS_URL right"
    )


def misfit(model: str, found: int, wanted: int) -> str:
    """Why a model cannot fill the column."""
    return (
        f"the model {model!r} gives {found:,} numbers a text, and the column conversation_chunks.embedding "
        f"takes {wanted:,}: set SOULPRINT_EMBEDDINGS_MODEL to a model of {wanted:,}"
    )


def _unusable(reason: str) -> EmbeddingError:
    return EmbeddingError(Fault.LANE, "unusable", reason)
