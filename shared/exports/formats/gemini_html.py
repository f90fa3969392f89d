"""Gemini's Takeout as HTML: one `outer-cell` block an activity, thousands in one page (see `takeout.py`).

A block holds a header (the product) and a content cell: the prompt behind its prefix, with `<br>` for its
line breaks, lines about attachments, the time, and the answer. In another form the header holds prefix
and time, too, and the content begins with the prompt, a block of its own, where it does not stand behind
the prefix. The page is cut at the blocks' beginnings as it streams by, so memory holds one block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from shared.domain.errors import BrokenExportError
from shared.domain.text import repair
from shared.exports.conversation import (
    LARGE,
    LARGE_AHEAD,
    Conversation,
    LargeAhead,
    Parsed,
    PassedOver,
    ReadLimits,
    Rejected,
)
from shared.exports.formats.base import Head
from shared.exports.formats.markup import text_of_html
from shared.exports.formats.takeout import OTHER_PRODUCT, exchange, is_product, passed_over, prompt_of
from shared.exports.formats.takeout_times import looks_like_time, parse_activity_time
from shared.exports.json.weight import too_heavy

WINDOW = 256 * 1024
"""Bytes read at a time."""
_CELL = b'<div class="outer-cell'
_CONTENT = '<div class="content-cell'
_HEADER = re.compile(r'<div class="header-cell[^"<>]*"[^<>]*>')
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_BLOCK = re.compile(r"<(?:p|pre|table|ul|ol|h[1-6]|div|blockquote|hr)\b", re.IGNORECASE)
_DIV = re.compile(rb"<(/?)div\b", re.IGNORECASE)
_COPIES = 4
"""How many times a block stands in memory, in parts and as lines, beyond what another text does."""
_STYLE = ("mdl-typography", "mdl-cell", "mdl-grid")
"""Classes of the style sheet that opens the page and may fill all that a head holds."""
_ATTACHMENTS = re.compile(
    r"(?:Attached )?\d+ (?:files?|images?|generated images?)\b|\d+ Datei(?:en)? angehängt|添付ファイル \d+ 件"
    r"|画像を \d+ 枚|\d+ вкладен|\d+ fichiers?\b|\d+ archivos?\b"
)


class GeminiHtml:
    """See the module."""

    name = "gemini"

    def detects(self, head: Head) -> bool:
        """True for a page of activities with Gemini's among the first, or with only the style in sight."""
        if head.objects or not head.text.startswith("<"):
            return False
        headers = [head.text[found.end() : found.end() + 300] for found in _HEADER.finditer(head.text)]
        if headers:
            return any(is_product(text_of_html(header.partition(_CONTENT)[0])) for header in headers)
        return "<html" in head.text[:2000].lower() and all(name in head.text for name in _STYLE)

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """See `Format.read`."""
        for number, cell in enumerate(_cells(stream, member, limits), 1):
            if not isinstance(cell, bytes):
                yield cell
            elif len(cell) * _width(cell) > limits.text_memory // _COPIES:
                yield Rejected(f"{member}#{number}", too_heavy(limits))
            else:
                yield parse(cell.decode("utf-8", "replace"))


def _width(cell: bytes) -> int:
    """Bytes that a character of this may take: one emoji, be it an entity, widens all of a text."""
    return 1 if cell.isascii() and b"&#" not in cell else 4


def parse(cell: str) -> Conversation | PassedOver:
    """The conversation of one `outer-cell` block, or what the block is instead. Never raises."""
    head, *contents = repair(cell).split(_CONTENT)
    header = _HEADER.search(head)
    told = [] if header is None else text_of_html(head[header.end() :]).split("\n")
    lines = [line for line in told if line]
    if not contents or not lines or not is_product(lines[0]):
        return OTHER_PRODUCT
    content = contents[0].partition(">")[2]
    return _by_header(lines[1:], content) if len(lines) > 1 else _by_content(content)


def _by_header(lines: list[str], content: str) -> Conversation | PassedOver:
    """Of a block whose header says, below the product, what was done and when."""
    written_time = next((line for line in reversed(lines) if looks_like_time(line)), "")
    title = "\n".join(line for line in lines if line != written_time)
    prompt = prompt_of(title, answered=False)
    if prompt is None:
        return passed_over(title)
    if prompt:
        answer = text_of_html(content)
    else:
        end = _end_of_first_block(content)
        prompt, answer = text_of_html(content[:end]), text_of_html(content[end:])
    return exchange(prompt, answer, parse_activity_time(written_time), written_time)


def _end_of_first_block(content: str) -> int:
    block = _BLOCK.search(content)
    if block is None or text_of_html(content[: block.start()]):
        return len(content) if block is None else block.start()
    end = re.compile(f"</{block[0][1:]}\\s*>", re.IGNORECASE).search(content, block.end())
    return len(content) if end is None else end.end()


def _by_content(content: str) -> Conversation | PassedOver:
    """Of a block whose header holds the product alone."""
    lines, written_time, answer = _parts(content)
    while len(lines) > 1 and _is_attachment(lines[-1]):
        lines.pop()
    title = "\n".join(map(text_of_html, lines)).strip()
    answer = text_of_html(answer)
    prompt = prompt_of(title, bool(answer))
    if prompt is None:
        return passed_over(title)
    return exchange(prompt, answer, parse_activity_time(written_time), written_time)


def _parts(content: str) -> tuple[list[str], str, str]:
    """A content cell as its lines before the time, the time and the HTML behind it.

    Where no time is found, the first block element begins the answer.
    """
    lines: list[str] = []
    at = 0
    while True:
        gap = _BREAK.search(content, at)
        end = gap.start() if gap else len(content)
        block = _BLOCK.search(content, at, end)
        line = content[at : block.start() if block else end]
        if lines and looks_like_time(time := text_of_html(line)):
            return lines, time, content[at + len(line) :]
        lines.append(line)
        if block:
            return lines, "", content[block.start() :]
        if gap is None:
            return lines, "", ""
        at = gap.end()


def _is_attachment(line: str) -> bool:
    text = text_of_html(line)
    return not text or _ATTACHMENTS.match(text) is not None or (text.startswith("-") and "<a " in line)


def _cells(stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[bytes | Rejected | LargeAhead]:
    """The page's `outer-cell` blocks. One over the cap is dropped as it passes, and rejected.

    Raises BrokenExportError, after all whole blocks, where the stream breaks or the page ends inside a block.
    """
    buffer = bytearray()
    count = dropped = 0
    inside = oversize = is_told = False
    failure: BrokenExportError | None = None
    while True:
        try:
            data = stream.read(WINDOW)
        except BrokenExportError as error:
            data, failure = b"", error
        searched = max(len(buffer) - len(_CELL), 1 if inside else 0)
        buffer += data
        while (found := buffer.find(_CELL, searched)) >= 0:
            if inside and not oversize:
                yield bytes(buffer[:found])
            del buffer[:found]
            dropped += found
            count += 1
            inside, oversize, is_told, searched = True, False, False, 1
        if not data:
            break
        if inside and not is_told and len(buffer) > LARGE:
            yield LARGE_AHEAD
            is_told = True
        if inside and not oversize and len(buffer) > limits.conversation_bytes:
            oversize = True
            reason = f"it is larger than {limits.conversation_bytes} bytes, the cap on one conversation"
            yield Rejected(f"{member}#{count}", f"{reason} (it begins at byte {dropped})")
        if (oversize or not inside) and len(buffer) > len(_CELL):
            cut = len(buffer) - len(_CELL)
            del buffer[:cut]
            dropped += cut
    if inside and not oversize:
        if failure is None and _is_whole(buffer):
            yield bytes(buffer)
        else:
            place = f"byte {dropped + len(buffer)}, inside activity {count}"
            raise BrokenExportError(member, place, failure.reason if failure else "the page ends there")
    if failure is not None:
        raise failure


def _is_whole(block: bytearray) -> bool:
    balance = 0
    for found in _DIV.finditer(block):
        balance += -1 if found[1] else 1
    return balance <= 0
