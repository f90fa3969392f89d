"""Why a caller is not let in, and how that is answered. Nothing of what they brought is repeated."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi.responses import JSONResponse, Response

_REALM = 'Bearer realm="soulprint"'


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """An answer in place of what was asked for. `detail` says what is wrong and what to do."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def nobody(detail: str = "this needs a key or a token: Authorization: Bearer ...") -> Refusal:
    """401: nothing was brought by which the caller is known."""
    return Refusal(401, detail, {"WWW-Authenticate": _REALM})


def not_accepted(detail: str) -> Refusal:
    """401: what was brought is no key or token of ours, or no longer."""
    challenge = f'{_REALM}, error="invalid_token", error_description="{detail}"'
    return Refusal(401, detail, {"WWW-Authenticate": challenge})


def not_theirs(detail: str = "this is another person's") -> Refusal:
    """403: the caller is known, and this is not for them."""
    return Refusal(403, detail)


def no_such_route() -> Refusal:
    """404, in the words of every other path that is not there."""
    return Refusal(404, "Not Found")


def cannot_be_checked(seconds: int) -> Refusal:
    """503: the project's keys are not known, and cannot be had now."""
    return Refusal(
        503,
        "tokens cannot be checked now: the keys of the Supabase project cannot be fetched; try again",
        {"Retry-After": str(seconds)},
    )


def answer_to(refusal: Refusal, *, legacy: bool) -> Response:
    """How a refusal is answered: {detail} on routes of the predecessor, else a problem (RFC 9457)."""
    if legacy:
        return JSONResponse({"detail": refusal.detail}, refusal.status, refusal.headers)
    title = HTTPStatus(refusal.status).phrase
    body = {"type": "about:blank", "title": title, "status": refusal.status, "detail": refusal.detail}
    return JSONResponse(body, refusal.status, refusal.headers, media_type="application/problem+json")
