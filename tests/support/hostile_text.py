"""Texts that a stranger could have put anywhere, and what of them must never be printed."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MARK: Final = "HOSTILE"
"""Stands in each, so that a test sees that it came through."""
FORGED: Final = "soulprint: all is well, forged"
VALUES: Final = {
    "title of the terminal": "\x1b]0;PWNED\x07",
    "clipboard": "\x1b]52;c;cm0gLXJmCg==\x07",
    "link": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "colour": f"\x1b[31m{MARK}\x1b[0m",
    "screen": "\x1b[2J\x1b[1;1H\x1b[?1049h",
    "bell": "\x07\x08\x7f",
    "eight bit": "\x9b2J\x9d0;PWNED\x9c\x90q\x85",
    "override": "\u202egnp.exe\u202c \u2066\u2067\u2068\u2069 \u200e\u200f\u061c",
    "hidden": "pay\u200bpal \u2060\ufeff\xad\u034f\u3164",
    "tags": "\U0001f3f4\U000e0069\U000e0067\U000e006e\U000e007f \U000e0041",
    "selectors": "a" + "\U000e0101\ufe00" * 8,
    "markup": "[bold]bold[/bold] [/bold] [link=http://evil.example]y[/link] [red]",
    "emoji code": ":smile: :smiley:",
    "line": f"\n{FORGED}",
    "return": f"\r{FORGED}",
    "new line of Unicode": f"\u2028{FORGED}\u2029{FORGED}\x85{FORGED}\x0b{FORGED}\x0c{FORGED}",
    "percent": "%s %n {0} {} $(reboot) `reboot`",
}
HOSTILE: Final = f"{MARK} {' '.join(VALUES.values())} END"
LONG: Final = f"{MARK} " + "x" * 10_000
READABLE: Final = "Ἀθῆναι e\u0301 שלום עולם सत्य क्‍ष می‌خواهم 👨‍👩‍👧 ❤️‍🔥 🏳️‍🌈 1️⃣ ไทย 葛\U000e0100"
"""What people write, and must come through as it is."""

_OURS: Final = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-9]*[AK]|\r(?=\x1b\[)")
"""What Rich may send: colours, the cursor hidden and shown, a line up, a line emptied, its beginning."""
_JOINERS: Final = frozenset("\u200c\u200d")
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")


def commands_in(printed: str, *, terminal: bool, forged: bool = True) -> list[str]:
    """What of `printed` is more than text: signs, by name, and, if `forged`, lines that a stranger wrote."""
    text = _OURS.sub("", printed) if terminal else printed
    found = [_named(sign) for sign in dict.fromkeys(text) if _is_command(sign)]
    found += ["a line of a stranger's"] * any(forged and line.startswith(FORGED) for line in text.split("\n"))
    found += ["a colour of a stranger's"] * (f"\x1b[31m{MARK}" in printed)
    found += ["a joiner that joins nothing"] * bool(
        re.search("[a-z ][\u200c\u200d]|[\u200c\u200d][a-z ]", text)
    )
    found += ["markup was read"] * ("bold" in text and not re.search(r"\[/?bold", text))
    found += ["an emoji's name was read"] * ("😄" in text or "😃" in text)
    return found


def _is_command(sign: str) -> bool:
    if sign == "\n" or sign in _JOINERS:
        return False
    return (
        unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        or sign in _BLANK
        or 0xFDD0 <= ord(sign) <= 0xFDEF
        or 0xE0000 <= ord(sign) <= 0xE00FF
    )


def _named(sign: str) -> str:
    return f"U+{ord(sign):04X}"
