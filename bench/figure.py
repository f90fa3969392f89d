"""A figure: what was measured, and what was to hold."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `ok` is None where nothing is required and the figure only informs."""

    name: str
    measured: float
    """NaN where there was nothing to measure it on."""
    unit: str
    target: str = ""
    ok: bool | None = None
    note: str = ""
    """What helps to understand it; printed below the table."""

    @property
    def verdict(self) -> str:
        """`ok`, `short`, or nothing."""
        return {True: "ok", False: "short", None: ""}[self.ok]


def at_most(name: str, measured: float, limit: float, unit: str = "", note: str = "") -> Figure:
    """A figure that must not exceed `limit`."""
    return Figure(name, measured, unit, f"<= {number(limit)}", measured <= limit, note)


def at_least(name: str, measured: float, limit: float, unit: str = "", note: str = "") -> Figure:
    """A figure that must reach `limit`."""
    return Figure(name, measured, unit, f">= {number(limit)}", measured >= limit, note)


def exactly(name: str, measured: float, wanted: float, unit: str = "", note: str = "") -> Figure:
    """A figure that must be `wanted`."""
    return Figure(name, measured, unit, f"= {number(wanted)}", measured == wanted, note)


def not_given(name: str) -> Figure:
    """A figure whose data must be given by hand, and are not."""
    return Figure(name, math.nan, "")


def number(value: float) -> str:
    """A number for a table: whole ones whole, others with at most three places."""
    if math.isnan(value):
        return "not given"
    return f"{value:,.3f}".rstrip("0").rstrip(".")
