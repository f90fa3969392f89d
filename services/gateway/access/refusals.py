"""How callers are told that they are not let in. Nothing of what they brought is repeated."""

from __future__ import annotations

from services.gateway.problems import Problem

_REALM = 'Bearer realm="soulprint"'


def nobody() -> Problem:
    """401: nothing was brought by which the caller is known."""
    detail = "this needs a key or a token: Authorization: Bearer, and one of them"
    return Problem(401, detail, headers={"WWW-Authenticate": _REALM})


def not_accepted(detail: str) -> Problem:
    """401: what was brought is no key or token of ours, or no longer."""
    challenge = f'{_REALM}, error="invalid_token", error_description="{detail}"'
    return Problem(401, detail, headers={"WWW-Authenticate": challenge})


def not_theirs(detail: str = "this is another person's") -> Problem:
    """403: the caller is known, and this is not for them."""
    return Problem(403, detail)


def no_such_route() -> Problem:
    """404, in the words of every other path that is not there."""
    return Problem(404, "Not Found")


def cannot_be_checked(seconds: int) -> Problem:
    """503: the project's keys are not known, and cannot be had now."""
    detail = "tokens cannot be checked now: the keys of the Supabase project cannot be had; ask again"
    return Problem(503, detail, headers={"Retry-After": str(seconds)})
