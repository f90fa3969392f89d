"""Text as exports hold it: repair, token estimates, clipping. Pure functions, fast on the common path."""

from __future__ import annotations

import re

BYTES_PER_TOKEN = 4
"""UTF-8 bytes a token: close for English and Cyrillic, on the safe side for CJK (3 bytes, about a token)."""

_MARKS = "\x00【\ue200\ue201\ue202\ue203\ue204"
"""NUL, which Postgres refuses, and what ChatGPT's citations, old and new, are made of."""
_CESU_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_CITATION_SPAN = re.compile("\ue200[^\ue200-\ue202]*\ue202[^\ue200\ue201]*\ue201")
_CITATION_MARKS = re.compile("[\ue200-\ue204]")
_OLD_CITATION = re.compile(r"【\d+(?::\d+)?†[^】\n]{0,200}】")


def repair(text: str) -> str:
    """`text` without what storage refuses or readers never saw.

    NUL goes; CESU-8 surrogate pairs are joined; lone surrogates become U+FFFD; citation spans
    (U+E200 ... U+E202 ... U+E201) and old citations go; the other marks go and their text stays.
    """
    if text.isascii():
        return text.replace("\x00", "") if "\x00" in text else text
    if _has_surrogates(text):
        text = _CESU_PAIR.sub(lambda m: _join_pair(m[1], m[2]), text)
        text = _LONE_SURROGATE.sub("\ufffd", text)
    for mark in _MARKS:  # several times as fast as one search for a class of characters
        if mark in text:
            break
    else:
        return text
    text = text.replace("\x00", "")
    text = _CITATION_SPAN.sub("", text)
    text = _CITATION_MARKS.sub("", text)
    return _OLD_CITATION.sub("", text)


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _join_pair(high: str, low: str) -> str:
    return chr(0x10000 + ((ord(high) - 0xD800) << 10) + (ord(low) - 0xDC00))


def text_size(text: str) -> int:
    """UTF-8 bytes of `text`; lone surrogates count as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def estimate_tokens(text: str) -> int:
    """Estimated model tokens of `text`, at least 1 for any text. Deterministic, no vocabulary needed."""
    return -(-text_size(text) // BYTES_PER_TOKEN)


def abridge(text: str, limit: int) -> str:
    """`text` if it has at most `limit` characters, else its first and last characters around an ellipsis."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    return f"{text[:head]} […] {text[len(text) - (limit - head) :]}"
