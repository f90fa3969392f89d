"""Words that a reader does not see and a model does: how they are hidden, and how they are found again."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata

_TAGS = 0xE0000
_BITS = "\u200b\u200c"
_RIGHT_TO_LEFT = "\u202e"
_POP = "\u202c"
_ALIKE = str.maketrans("aceiopxysjhAB\u0415KMHOPCTXZ", "асеіорхуѕјһАВЕКМНОРСТХΖ")
"""Latin letters, and those of Cyrillic and Greek that look the same."""
_LATIN = {there: here for here, there in _ALIKE.items()}
_BITS_RUN = re.compile(f"[{_BITS}]{{8,}}")
_TURNED = re.compile(f"{_RIGHT_TO_LEFT}([^{_POP}]*){_POP}?")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e"
    "\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
"""What nobody sees. Joiners (U+200C, U+200D) are not here: Persian and families of emoji need them."""


def in_tags(text: str) -> str:
    """ASCII as the tag characters of plane 14."""
    return "".join(chr(_TAGS + ord(sign)) for sign in text if sign.isascii())


def in_selectors(text: str) -> str:
    """Bytes as variation selectors, 16 of the first block and 240 of the supplement."""
    return "".join(chr(0xFE00 + byte if byte < 16 else 0xE0100 + byte - 16) for byte in text.encode())


def in_bits(text: str) -> str:
    """Bytes as characters of no width, eight for each."""
    return "".join(_BITS[byte >> place & 1] for byte in text.encode() for place in range(7, -1, -1))


def turned(text: str) -> str:
    """Written from its end, under an override that shows it the right way."""
    return _RIGHT_TO_LEFT + text[::-1] + _POP


def look_alike(text: str) -> str:
    """With letters of other scripts that look the same."""
    return text.translate(_ALIKE)


def spelt_apart(text: str, between: str) -> str:
    """With `between` after each letter."""
    return between.join(text)


def revealed(text: str) -> str:
    """All that is hidden in `text`, after the text itself: what a model that looks for it may read."""
    parts = [text, "".join(chr(ord(sign) - _TAGS) for sign in text if _TAGS + 32 <= ord(sign) < _TAGS + 127)]
    parts.append(_bytes(_selected(sign) for sign in text if _is_selector(sign)))
    parts += (_bytes(_of_bits(run.group())) for run in _BITS_RUN.finditer(text))
    parts += (run[1][::-1] for run in _TURNED.finditer(text))
    parts += (_decoded(run.group()) for run in _BASE64.finditer(text))
    parts.append(unicodedata.normalize("NFKC", HIDDEN.sub("", text)).translate(str.maketrans(_LATIN)))
    return "\n".join(dict.fromkeys(part for part in parts if part))


def _is_selector(sign: str) -> bool:
    return "\ufe00" <= sign <= "\ufe0f" or "\U000e0100" <= sign <= "\U000e01ef"


def _selected(sign: str) -> int:
    return ord(sign) - 0xFE00 if sign <= "\ufe0f" else ord(sign) - 0xE0100 + 16


def _of_bits(run: str) -> list[int]:
    bits = "".join(str(_BITS.index(sign)) for sign in run)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8)]


def _bytes(values: object) -> str:
    return bytes(values).decode("utf-8", "replace")  # type: ignore[call-overload, no-any-return]


def _decoded(run: str) -> str:
    try:
        return base64.b64decode(run + "=" * (-len(run) % 4)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
