"""Figures as ops read them."""

from __future__ import annotations

from shared.store.routing import SHARE_WHOLE

_UNITS = (("d", 86_400.0), ("h", 3600.0), ("min", 60.0))


def percent(rate: float, digits: int = 1) -> str:
    """0.913: `91.3 %`. Rounded towards the middle, so that neither 0 % nor 100 % is said of what is not."""
    shown = round(100 * rate, digits)
    least = 10.0**-digits
    if shown == 100 and rate < 1:
        shown = 100 - least
    elif shown == 0 and rate > 0:
        shown = least
    return f"{shown:.{digits}f} %"


def limit(rate: float) -> str:
    """0.95: `95 %`."""
    return f"{100 * rate:.10g} %"


def share_of(share: int) -> str:
    """A share of 10,000 users: 1000: `10 %`, 1250: `12.5 %`."""
    return f"{share * 100 / SHARE_WHOLE:g} %"


def span(seconds: float) -> str:
    """A time in its two largest units: `7 d`, `1 d 6 h`, `90 s`, `2.4 s`. One unit down to 3 of it."""
    seconds = max(0.0, seconds)
    for i, (unit, size) in enumerate(_UNITS):
        if seconds >= size:
            whole = int(seconds // size)
            smaller, part = _UNITS[i + 1] if i + 1 < len(_UNITS) else ("s", 1.0)
            rest = int((seconds - whole * size) // part)
            return f"{whole} {unit} {rest} {smaller}" if rest else f"{whole} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def figure(value: float) -> str:
    """A number to three digits that count: `0.00123`, `1.58`, `12,300`."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def chance(p: float) -> str:
    """A p: `0.0034`, `below 0.0001`."""
    return "below 0.0001" if p < 0.0001 else f"{p:.2g}"
