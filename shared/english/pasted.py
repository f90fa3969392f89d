"""Text that a person evidently pasted into a message: no ground for facts about them, whoever reads it.

The marks are those of the offline rules, without the ones that guess (short quotes, role-play, labels): code
between fences, quoted and indented lines, long quotations, letters, and what follows "here is the article:"
or "fix this email" and the like.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.english.handed_over import is_handed_over, is_introduced, is_letter
from shared.english.plain import fold
from shared.english.regions import Span, is_code_line, is_fenced
from shared.english.spotting import BLANK

LONG_QUOTATION = 120
"""Characters from which words between quotation marks are a block and not a title or a remark."""
_QUOTATION = re.compile(r'(?<![\w"])"[^"]*"(?!\w)')


def without_pasted(text: str) -> str:
    """`text` with every pasted character replaced by NUL; the same length, the rest as it was."""
    folded = fold(text)
    for spans in (_long_quotations, is_fenced, is_code_line):
        found = list(spans(folded))
        text, folded = _blanked(text, found), _blanked(folded, found)
    for tail in (is_introduced, is_handed_over, is_letter):
        begin = tail(folded)
        if begin is not None:
            rest = [(begin, len(text))]
            text, folded = _blanked(text, rest), _blanked(folded, rest)
    return text


def _long_quotations(folded: str) -> Iterator[Span]:
    """Long words between double quotes, over any number of lines."""
    if '"' in folded:
        for found in _QUOTATION.finditer(folded):
            if found.end() - found.start() >= LONG_QUOTATION:
                yield found.span()


def _blanked(text: str, spans: list[Span]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces += text[done:start], BLANK * (end - start)
        done = end
    return "".join([*pieces, text[done:]])
