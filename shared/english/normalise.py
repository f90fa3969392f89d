"""Text as a quote is looked for in it: a model or an export may have changed its typography, and no more."""

from __future__ import annotations

import re

_TYPOGRAPHY = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "`": "'",
        "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"', "«": '"', "»": '"',
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-",
        "…": "...", "\u00ad": "", "\u200b": "", "\ufeff": "",
    }
)  # fmt: skip
_SPACE = re.compile(r"\s+")


def normalise(text: str) -> str:
    """`text` with case, white space, quotation marks and dashes made alike; nothing else changes."""
    return _SPACE.sub(" ", text.translate(_TYPOGRAPHY).casefold()).strip()
