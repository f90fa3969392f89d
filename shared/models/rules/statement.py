"""Makes the statement and the quote of a fact from the person's clause, without changing what it says."""

from __future__ import annotations

import re

QUOTE_CHARS = 300
"""Most characters of a quote and of the words of a statement."""

_SPACE = re.compile(r"\s+")
_SMALL_I = re.compile(r"(?<![\w'’])i(?=(?:['’](?:m|ve|d|ll))?(?![\w'’.]))")
_SMALL_IM = re.compile(r"^im(?= )|^Im(?= )")
_TAIL = re.compile(r"(?:[\s,;:(\-–—~*_|]|\s(?:lol|haha|xd|thanks|thank you|btw|by the way)$)+$", re.I)
_CUT_AT = re.compile(r"[,;]\s|\s(?=and\s|but\s|because\s|so\s)")


def quote_of(text: str, start: int, end: int) -> tuple[int, int]:
    """`start`, `end` shrunk to at most QUOTE_CHARS, at the last comma or joint; (start, start) if there is
    none.
    """
    if end - start <= QUOTE_CHARS:
        return start, end
    cuts = [cut.start() for cut in _CUT_AT.finditer(text, start + 20, start + QUOTE_CHARS)]
    return start, cuts[-1] if cuts else start


def statement_of(quote: str) -> str:
    """`quote` as a sentence: one line, capitalised, the pronoun I in capitals, with a full stop."""
    words = _SPACE.sub(" ", quote).strip()
    words = _without_ornament(words)
    words = _TAIL.sub("", words)
    words = _SMALL_I.sub("I", _SMALL_IM.sub("I'm", words))
    if not words:
        return ""
    return words[0].upper() + words[1:] + ("" if words[-1] in ".!?…" else ".")


def _without_ornament(words: str) -> str:
    """Without trailing emoji and other symbols."""
    while words and not (words[-1].isalnum() or words[-1] in ".!?…)]'\"”’%+#*/"):
        words = words[:-1].rstrip()
    return words
