"""HTML as plain text. One pass over the tags, no tree: linear in the input, however deeply that is nested and
whatever in it never ends.

(A tree builder follows the HTML standard, which makes nested blocks cost the square of their depth: 100,000
nested `<div>` took 19 s. What vendors write into exports is sanitised, so tags are all there is to know.)
"""

from __future__ import annotations

import re
from html import unescape

_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<(/?[a-zA-Z][a-zA-Z0-9]*+)[^<>]*+>", re.DOTALL)
"""Nothing is given back: else a name that never ends is tried at every split between it and the rest."""
_LONG_NUMBER = re.compile(r"&#[0-9]{20}[0-9]*+;?")
"""No character has such a number, and Python refuses to read one of thousands of digits."""
_SPACE = re.compile(r"[ \t\r\n\f]+")
_EMPTY_LINES = re.compile(r"\n{3,}")
_SILENT = frozenset(("script", "style", "template", "noscript", "iframe", "svg", "title", "head"))
"""Elements whose content is not text for a reader."""


def _opened_and_closed(names: str, text: str) -> dict[str, str]:
    return {slash + name: text for name in names.split() for slash in ("", "/")}


_BREAKS = {
    **_opened_and_closed("p h1 h2 h3 h4 h5 h6 ul ol table pre blockquote hr", "\n\n"),
    **_opened_and_closed("br", "\n"),
}
"""What stands for these tags; empty lines are thinned out in the end."""
_STARTS = {
    **_opened_and_closed("div li tr section article dt dd", "\n"),
    "li": "\n- ",
    "td": " ",
    "th": " ",
}
"""What stands for these tags within a line; at the start of one, the same without its white space."""


def text_of_html(html: str) -> str:
    """The text a reader sees: blocks on lines of their own, list items behind `- `, entities decoded,
    white space collapsed outside `<pre>`. Never raises."""
    parts: list[str] = []
    at = preformatted = 0
    silent = ""
    for found in _TAG.finditer(html):
        if not silent and found.start() > at:
            _add_text(parts, html[at : found.start()], preformatted > 0)
        at = found.end()
        tag = (found[1] or "").lower()
        if silent:
            if tag == silent:
                silent = ""
        elif tag in _BREAKS:
            if tag == "pre":
                preformatted += 1
            elif tag == "/pre":
                preformatted = max(0, preformatted - 1)
            parts.append(_BREAKS[tag])
        elif tag in _STARTS:
            within = parts and not parts[-1].endswith("\n")
            if text := _STARTS[tag] if within else _STARTS[tag].lstrip():
                parts.append(text)
        elif tag in _SILENT:
            silent = f"/{tag}"
    if not silent:
        _add_text(parts, html[at:], preformatted > 0)
    text = unescape(_LONG_NUMBER.sub("\ufffd", "".join(parts))).replace("\xa0", " ")
    lines = [line.rstrip() for line in text.split("\n")]
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()


def _add_text(parts: list[str], text: str, preformatted: bool) -> None:
    if not preformatted:
        text = _SPACE.sub(" ", text)
        if not parts or parts[-1].endswith("\n"):
            text = text.lstrip(" ")
    if text:
        parts.append(text)
