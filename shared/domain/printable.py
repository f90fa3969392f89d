"""Text of strangers, made fit to be shown: nothing in it commands a terminal, turns a line around or hides.

What a person wrote in any script stays as it is: combining marks, right-to-left text, emoji. A command or an
override becomes U+FFFD, so that a reader sees that something stood there. What nobody sees is left out: it
could carry words that only a machine reads. Joiners stay between letters of the scripts that are written with
them and between emoji, and one variation selector after what it varies.
"""

from __future__ import annotations

import re
from typing import Final

_COMMANDS: Final = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
"""Controls, what turns the direction of text, and halves of characters, which no encoding takes."""
_NEVER: Final = "\ufdd0-\ufdef\ufff9-\ufffb\ufffe\uffff"
"""What is no character, and the marks of annotations."""
_HIDDEN: Final = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
"""Without width or without ink, tags among them."""
_JOINERS: Final = "\u200c\u200d"
_SELECTORS: Final = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_EMOJI_FORM: Final = "\ufe0f"
"""The selector that stands between an emoji and its joiner."""
_ENDS: Final = "\x0b\x0c\r\x85\u2028\u2029"
"""Ends of lines but the line feed."""
_UNSEEN: Final = _COMMANDS + _NEVER + _HIDDEN + _JOINERS + _SELECTORS

_ASIDE: Final = re.compile(f"[{_UNSEEN}]")
_SHOWN: Final = re.compile(f"[{_COMMANDS}{_NEVER}{_ENDS}]")
_JOINER: Final = re.compile(f"[{_JOINERS}]")
_SELECTOR: Final = re.compile(f"[{_SELECTORS}]")
_OF_IDEOGRAPHS: Final = re.compile("[\U000e0100-\U000e01ef]")
_IDEOGRAPH: Final = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003fffd]")
_SEEN: Final = re.compile(f"[^\\s{_UNSEEN}]")
_JOINED: Final = re.compile(
    "[\u0620-\u08ff\u0900-\u0dff\u0f00-\u109f\u1700-\u17b3\u17b6-\u180a\u1810-\u18af\u1900-\u1c4f\ua800-\uabff"
    "\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
"""Scripts written with joiners (Arabic, those of India and their neighbours, Mongolian), and emoji."""
_SYMBOL: Final = re.compile("[#*0-9\xa9\xae\u203c-\u3299\U0001f000-\U0001faff]")
"""What a selector makes an emoji."""
_ASCII: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_LINE_END: Final = re.compile(f"\r\n|[\n{_ENDS}]")
_OTHER_END: Final = re.compile(f"\r\n|[{_ENDS}]")
_ESCAPED: Final = re.compile(f"[{_UNSEEN}{_ENDS}]")


def printable(text: str) -> str:
    """`text` with nothing but what is seen; its tabs and its line ends stay, each as a line feed."""
    return _cleaned(_OTHER_END.sub("\n", text))


def unbroken(text: str) -> str:
    """The same as a single line: what would end it is a space. Spaces stay as they are."""
    return _cleaned(_LINE_END.sub(" ", text).replace("\t", " "))


def on_one_line(text: str) -> str:
    """`text` within a line that says more: on one line, without spaces that would set it apart."""
    return unbroken(" ".join(text.split()))


def seen(text: str) -> str:
    """`text` for a document that machines read too: what nobody sees is left out whole, without a sign of it.
    Of variation selectors those stay that make a sign an emoji or choose the form of an ideograph: any other
    could carry a byte a letter."""
    return text if text.isascii() and not _ASCII.search(text) else _ASIDE.sub(_of_emoji, text)


def _of_emoji(found: re.Match[str]) -> str:
    sign = found.group()
    if _SELECTOR.match(sign) and not _OF_IDEOGRAPHS.match(sign):
        before = found.string[max(0, found.start() - 1) : found.start()]
        return sign if sign == _EMOJI_FORM and _SYMBOL.match(before) else ""
    return sign if _stays(found) else ""


def escaped(document: str) -> str:
    """A JSON document that says the same, in which all that `printable` would take out is an escape."""
    return _ESCAPED.sub(_escape, document)


def _cleaned(text: str) -> str:
    if text.isascii():
        return _ASCII.sub("\ufffd", text)
    return _ASIDE.sub(_replacement, text)


def _replacement(found: re.Match[str]) -> str:
    sign = found.group()
    if _SHOWN.match(sign):
        return "\ufffd"
    return sign if _belongs(found) else ""


def _stays(found: re.Match[str]) -> bool:
    return not _SHOWN.match(found.group()) and _belongs(found)


def _belongs(found: re.Match[str]) -> bool:
    """Whether an unseen sign does something to what stands around it."""
    sign, text, at = found.group(), found.string, found.start()
    before = text[at - 1 : at] if at else ""
    if _SELECTOR.match(sign):
        return bool((_IDEOGRAPH if _OF_IDEOGRAPHS.match(sign) else _SEEN).match(before))
    if not _JOINER.match(sign):
        return False
    if before == _EMOJI_FORM and at > 1:
        before = text[at - 2]
    return bool(_JOINED.match(before) and _JOINED.match(text, at + 1))


def _escape(found: re.Match[str]) -> str:
    sign = found.group()
    if _stays(found):
        return sign
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
