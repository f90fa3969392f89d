"""Shares of users: percents on the command line, 10,000ths in the database."""

from __future__ import annotations

import re

from shared.domain.errors import UsageError
from shared.store.routing import SHARE_WHOLE

_PERCENT = re.compile(r"([0-9]{1,6})(?:\.([0-9]+))?%?")
_DECIMALS = 2
"""A hundredth of a percent is one user of 10,000."""
_SHOWN = 30


def share_in(text: str) -> int:
    """What a person typed, `10` or `12.5`, in 10,000ths. Raises UsageError."""
    typed = ascii(text[:_SHOWN])
    found = _PERCENT.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{typed} is no share: it is a percent of users from 0 to 100, like 10 or 12.5")
    whole, decimals = int(found[1]), found[2] or ""
    if len(decimals) > _DECIMALS:
        raise UsageError(
            f"{typed} has more than {_DECIMALS} decimals: a share is counted in hundredths of a percent"
        )
    share = whole * 100 + int(decimals.ljust(_DECIMALS, "0"))
    if share > SHARE_WHOLE:
        raise UsageError(f"{typed} is more than all users: a share is a percent from 0 to 100")
    return share
