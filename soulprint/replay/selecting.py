"""Which imports are asked for, as it is typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast, get_args
from uuid import UUID

from shared.domain.errors import UsageError
from shared.domain.ids import user_id_for
from shared.store.replays import Stage, Which
from soulprint.moments import moment_ago

MOST_NAMED = 10_000
"""Users, or imports, that one plan names; all that there are need no name."""
_SAMPLE = re.compile(r"([0-9]{1,9})|([0-9]{1,3}(?:\.[0-9]{1,4})?)\s*%")
_SHOWN = 40


def which_of(only: Sequence[str], stage: Stage) -> list[Which]:
    """What is to be done again. Raises UsageError for what does not go together."""
    asked = list(dict.fromkeys(only)) or ["all"]
    for each in asked:
        if each not in get_args(Which):
            raise UsageError(f"--only {each[:_SHOWN]!a} is none of missing, dead, stale and all")
    if len(asked) > 1 and not set(asked) <= {"missing", "dead"}:
        raise UsageError("--only may be given twice for missing and dead alone")
    if stage != "facts" and asked[0] in ("missing", "dead"):
        raise UsageError(
            f"--only {asked[0]} has chunks read that were not: leave --stage {stage} out. Where their text "
            "is no longer on the log, it is read from the source by itself"
        )
    return cast(list[Which], sorted(asked, reverse=True))


def selection_of(
    users: Sequence[str],
    imports: Sequence[str],
    since: str | None,
    until: str | None,
    sample: str | None,
    model_version: str | None,
) -> dict[str, Any]:
    """What the plan keeps of it; what is not asked for is not in it. Raises UsageError."""
    for named in (users, imports):
        if len(named) > MOST_NAMED:
            raise UsageError(f"{len(named):,} are named: at most {MOST_NAMED:,}")
    now = datetime.now(UTC)
    begin = None if since is None else moment_ago(since, now)
    end = None if until is None else moment_ago(until, now)
    if begin is not None and end is not None and begin >= end:
        raise UsageError(f"--since {begin:%Y-%m-%d %H:%M} is not before --until {end:%Y-%m-%d %H:%M} UTC")
    if model_version is not None and not model_version.strip():
        raise UsageError("--model-version is empty: name a model or a prompt version")
    asked = {
        "users": [str(each) for each in dict.fromkeys(map(user_id_for, users))],
        "imports": [str(each) for each in dict.fromkeys(map(import_in, imports))],
        "since": begin and begin.isoformat(),
        "until": end and end.isoformat(),
        "sample": None if sample is None else sample_in(sample),
        "model_version": model_version and model_version.strip(),
    }
    return {name: value for name, value in asked.items() if value}


def import_in(text: str) -> UUID:
    """The id of an import or of a plan, whole. Raises UsageError for what is none."""
    try:
        return UUID(text.strip())
    except ValueError:
        raise UsageError(
            f"{text[:_SHOWN]!a} is no whole id (a UUID): `soulprint status` and `soulprint replay list` have "
            "them"
        ) from None


def sample_in(text: str) -> str:
    """`20` or `5%`, as the plan keeps it. Raises UsageError for none, and for more than all."""
    found = _SAMPLE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--sample {text[:_SHOWN]!a} is neither a number like 20 nor a share like 5%")
    if found[1] is not None:
        if not int(found[1]):
            raise UsageError("--sample 0 chooses nothing: leave it out for all, or say how many")
        return str(int(found[1]))
    share = float(found[2])
    if not 0 < share <= 100:
        raise UsageError(f"--sample {text.strip()} is not more than 0% and at most 100%")
    return f"{share:g}%"
