"""Dollars as people read them."""

from __future__ import annotations


def dollars(amount: float) -> str:
    """In as many digits as it needs to be told from its like: `$2`, `$0.012`, `$0.0124`, `$1,204.50`."""
    if amount >= 100:
        return f"${amount:,.2f}"
    digits = f"{amount:.4f}" if amount >= 0.001 or amount == 0 else f"{amount:.2g}"
    if "e" in digits:
        digits = f"{amount:.10f}"
    return f"${digits.rstrip('0').rstrip('.') if '.' in digits else digits}"


def dollars_of(limit: float) -> str:
    """Every digit of what somebody typed: `$0.012`, `$2`."""
    digits = f"{limit:,.10f}".rstrip("0").rstrip(".")
    return f"${digits}"
