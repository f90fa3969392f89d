"""How much of what an export says is kept: bounds that its readers keep to, and the events that bear it."""

from __future__ import annotations

ID_CHARS = 256
"""An id of an export has 200 at most (`shared.exports.formats.identity`), and a suffix where it repeats."""
TITLE_CHARS = 500
ACCOUNTS = 16
"""Accounts that one run tells apart."""
