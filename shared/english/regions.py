"""Which parts of a message are the person's own words. The rest is blanked out before any rule looks at it.

`own_words` returns the folded text with every foreign character replaced by BLANK, so offsets stay true. Each
kind of foreign text has its own function below; to teach the model a new kind, add a function and name it in
`_SPANS` (a stretch of its own) or in `pasted.TAILS` (everything after a certain point). All of them take
linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.english.asked_about import SHOWN, is_below, is_document, is_page, is_shown
from shared.english.handed_over import TAILS, asks_to_edit_the_above
from shared.english.own_labels import LABEL, is_form
from shared.english.role_play import is_role_play
from shared.english.share import is_of_others
from shared.english.spotting import BLANK, hints

Span = tuple[int, int]

_FENCE = "```"
LONG_QUOTATION = 120
"""Characters from which words between quotation marks over several lines are a block, and not marks of
inches."""
_BLOCK_QUOTED = re.compile(r'(?<![\w"])"[^"]*"(?!\w)')
_MARKUP = re.compile(r"(?m)^[ \t]*<[a-z!|?/]")
_PICTURE = re.compile(r"!\[[^\]]{0,2000}\](?:\([^)\n]{0,2000}\))?")
_LEAST_ENCODED = 40
_ENCODED = re.compile(rf"(?<![^\s\"'(`])[\w+/=-]{{{_LEAST_ENCODED},}}(?![^\s\"'.,;:?!)`])")
_INLINE_CODE = re.compile(r"`[^`\n]{1,500}`")
_DOUBLE_QUOTED = re.compile(r'(?<![\w"])"[^"\n]*"?')
_SINGLE_QUOTED = re.compile(r"(?<![\w'])'(?=\w)(?:[^'\n]|(?<=\w)'(?=\w)){2,400}+'")
_STAGE_DIRECTION = re.compile(r"(?m)^[ \t]*\*(?=\S)[^*\n]{1,300}\*[^\n]*")
_FOREIGN_LINE = re.compile(r"(?m)^(?:>|\t| {4,}(?=\S)|[ \t]*(?://|/\*|#|\||--\w|--\s*$|<\w|\$ ))[^\n]*")
_PROGRAM_MARK = re.compile(
    r"(?m)[;{}][ \t]*$|=>|==|\w\(\)|\w\(\"|[\w\])] ?\+?= ?[\w\[(\"]|^(?:insert into|select) |\bvalues \("
)
_PROGRAM_HINTS = ("=", ";", "{", "}", "()", '("', "insert into", "select ", "values (")
_SPEAKER_LINE = re.compile(
    rf"(?m)^[ \t]*(?:\[?\d{{1,2}}:\d\d[^\n]*|(?!(?:{LABEL}):)[a-z][\w'-]{{0,20}}(?: "
    rf"[\w'-]{{1,20}})?:(?= |\n)[^\n]*)"
)


def own_words(folded: str, *, played: bool = False) -> str:
    """`folded` with all that is not the person's own speech blanked out; the same length. What they ask
    somebody to play is left where `played` says so."""
    text = folded
    for spans in _SPANS:
        text = _blank(text, spans(text))
    whole = text
    for tail in (*TAILS, *SHOWN):
        if played and tail is is_role_play:
            continue
        start = tail(text)
        if start is not None:
            text = text[:start] + BLANK * (len(text) - start)
    text = _blank(_blank(text, is_dialogue(text)), is_of_others(whole))
    return BLANK * len(text) if asks_to_edit_the_above(text) else text


def _blank(text: str, spans: Iterator[Span]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces.append(text[done:start])
        pieces.append(BLANK * (end - start))
        done = end
    return "".join([*pieces, text[done:]]) if pieces else text


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    return (found.span() for found in pattern.finditer(text))


def is_fenced(text: str) -> Iterator[Span]:
    """Code between fences; an open fence runs to the end."""
    start = text.find(_FENCE)
    while start >= 0:
        close = text.find(_FENCE, start + len(_FENCE))
        end = close + len(_FENCE) if close >= 0 else len(text)
        yield start, end
        start = text.find(_FENCE, end)


def is_quoted_block(text: str) -> Iterator[Span]:
    """Long words between double quotes, over any number of lines."""
    if '"' in text:
        for found in _BLOCK_QUOTED.finditer(text):
            if found.end() - found.start() >= LONG_QUOTATION:
                yield found.span()


def is_markup(text: str) -> Iterator[Span]:
    """From a line that begins with a tag to the end of the line of the last one: a page, a document."""
    start = _MARKUP.search(text) if "<" in text else None
    if start is not None:
        last = max(text.rfind("</"), text.rfind("/>"), text.rfind("-->"), text.rfind("|>"))
        end = text.find("\n", max(last, start.start()))
        yield start.start(), end if end >= 0 else len(text)


def is_picture(text: str) -> Iterator[Span]:
    """A picture in Markdown, with what is said of it."""
    return _matches(_PICTURE, text) if "![" in text else iter(())


def is_encoded(text: str) -> Iterator[Span]:
    """What only a machine reads: base64, keys, hashes."""
    longest = max(map(len, text.split()), default=0)
    return _matches(_ENCODED, text) if longest >= _LEAST_ENCODED else iter(())


def is_inline_code(text: str) -> Iterator[Span]:
    """Code between backticks."""
    return _matches(_INLINE_CODE, text) if "`" in text else iter(())


def is_code_line(text: str) -> Iterator[Span]:
    """Indented code, comments, headings, table rows and block quotes."""
    if "\n" in text:
        return _matches(_FOREIGN_LINE, text)
    found = _FOREIGN_LINE.match(text)
    return iter((found.span(),) if found is not None else ())


def is_program_line(text: str) -> Iterator[Span]:
    """Lines with the punctuation of programs."""
    mark = _PROGRAM_MARK.search(text) if hints(text, _PROGRAM_HINTS) else None
    while mark is not None:
        end = text.find("\n", mark.end())
        end = end if end >= 0 else len(text)
        yield text.rfind("\n", 0, mark.start() + 1) + 1, end
        mark = _PROGRAM_MARK.search(text, end)


def is_quoted(text: str) -> Iterator[Span]:
    """Words between double quotes; an open quote runs to the end of its line."""
    return _matches(_DOUBLE_QUOTED, text) if '"' in text else iter(())


def is_single_quoted(text: str) -> Iterator[Span]:
    """Words between single quotes. Apostrophes inside words are none."""
    return (
        _matches(_SINGLE_QUOTED, text) if " '" in text or "\n'" in text or text.startswith("'") else iter(())
    )


def is_stage_direction(text: str) -> Iterator[Span]:
    """A line that begins with *an action*: dialogue of a role-play."""
    return _matches(_STAGE_DIRECTION, text) if "*" in text else iter(())


def is_dialogue(text: str) -> Iterator[Span]:
    """Lines of a chat log, a transcript, or a labelled field: `Kim: I'm in Turin`."""
    return _matches(_SPEAKER_LINE, text) if ":" in text and not is_form(text) else iter(())


_SPANS = (
    is_quoted_block,
    is_fenced,
    is_page,
    is_below,
    is_shown,
    is_document,
    is_markup,
    is_picture,
    is_encoded,
    is_inline_code,
    is_program_line,
    is_quoted,
    is_single_quoted,
    is_code_line,
    is_stage_direction,
)
