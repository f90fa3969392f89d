"""Names that a stranger gave: how they are shown, ordered and compared, and where they would lead."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

SHOWN = 200
"""Most characters of a name that is shown; vendors' own are far shorter."""
_MOST_MARKS = 3
"""Most marks upon one letter: no script writes more, and a pile of them covers the lines above."""
_UNKNOWN = "\ufffd"
_NO_INK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What counts as printable and shows nothing: fillers, selectors."""

_JUNK = re.compile(r"(?:^|/)(?:__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)")
_NOT_TEXT = re.compile(
    r"\.(?:png|jpe?g|gif|webp|heic|bmp|ico|svg|tiff?|avif|mp[34]|m4[av]|wav|ogg|opus|webm|mov|avi|flac|aac"
    r"|pdf|docx?|xlsx?|pptx?|odt|ods|epub|jar|apk|whl|woff2?|ttf|otf|css|js|py|md|exe|dll|so|7z|rar)$",
    re.IGNORECASE,
)
"""Names not worth opening: media, documents, code that people sent along. All else is told by its bytes."""
_OUTSIDE = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)|\x00")
_DIGITS = re.compile(r"\d+")
_LONGEST = 31  # below any letter


def is_wanted(name: str) -> bool:
    """Whether a member of this name is worth opening."""
    return _JUNK.search(name) is None and _NOT_TEXT.search(name) is None


def leads_outside(name: str) -> bool:
    """Whether `name` would, if unpacked, lie outside the folder: absolute, a drive, or with `..`."""
    return _OUTSIDE.search(name) is not None


def shown(name: str, most: int = SHOWN) -> str:
    """A stranger's file name for messages: printable, on one line, and short, whatever it is. The same for
    the two ways in which Unicode writes an accent."""
    if len(name) > 2 * most:  # before anything looks at all of it
        name = f"{name[:most]}…{name[-most:]}"
    clean = _printable(name)
    return clean if len(clean) <= most else f"{clean[: most // 2]}…{clean[1 - most // 2 :]}"


def named(path: Path) -> str:
    """A path for messages, which are text and are stored: what of it is not printable shows as U+FFFD."""
    return "/".join(map(_printable, str(path).split("/")))


def _printable(name: str) -> str:
    if name.isascii() and name.isprintable():
        return name
    letters: list[str] = []
    marks = 0
    for letter in unicodedata.normalize("NFC", _NO_INK.sub("", name)):
        marks = marks + 1 if unicodedata.category(letter) in ("Mn", "Me") else 0
        if marks <= _MOST_MARKS:
            letters.append(letter if letter.isprintable() else _UNKNOWN)
    return "".join(letters)


def sibling_key(name: str) -> str:
    """Equal for the shards of one export: the name without its numbers."""
    return _DIGITS.sub("#", name)


def natural_key(name: str) -> str:
    """Sorts `conversations-2` before `conversations-10`: a number is told by its length, then its digits."""
    return _DIGITS.sub(_counted, name)


def _counted(number: re.Match[str]) -> str:
    digits = number[0].lstrip("0")
    return f"{chr(min(len(digits), _LONGEST))}{digits}"
