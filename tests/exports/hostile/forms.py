"""One conversation in the form of each format that SoulPrint reads, Gemini's pages too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from tests.support.samples import SAMPLES, data_of

Written = Callable[[Sequence[str]], bytes]
TIME = "Apr 12, 2026, 3:34:31 PM EDT"


def cell(content: str, header: str = "Gemini Apps") -> str:
    """An activity as Takeout writes it."""
    return (
        '<div class="outer-cell mdl-cell"><div class="mdl-grid"><div class="header-cell mdl-cell">'
        f'<p class="mdl-typography--title">{header}<br></p></div>'
        f'<div class="content-cell mdl-cell">{content}</div>'
        '<div class="content-cell mdl-typography--caption"><b>Products:</b><br>Gemini Apps<br></div>'
        "</div></div>"
    )


def page(*cells: str) -> bytes:
    """A page of these activities."""
    style = "<style>.mdl-typography{}.mdl-cell{}.mdl-grid{}</style>"
    whole = f"<html><head><title>My Activity</title>{style}</head><body>{''.join(cells)}</body></html>"
    return whole.encode("utf-8", "surrogatepass")


def activity(said: str, answer: str = "<p>How nice.</p>", time: str = TIME) -> str:
    """An exchange on such a page."""
    return cell(f"Prompted&nbsp;{said}<br>{time}<br>{answer}")


def _page_of(texts: Sequence[str]) -> bytes:
    return page(*(activity(texts[at], "".join(texts[at + 1 : at + 2])) for at in range(0, len(texts), 2)))


def _data(name: str, texts: Sequence[str]) -> bytes:
    return data_of(SAMPLES[name](texts))


FORMS: dict[str, tuple[str, Written]] = {
    **{name: (".csv" if name == "copilot" else ".json", partial(_data, name)) for name in SAMPLES},
    "gemini-html": (".html", _page_of),
}
"""By the name of the form: the suffix of its file, and what writes it."""
