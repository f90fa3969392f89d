"""The door to the terminal for what Rich draws: bars that move, Markdown, marked words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment
from rich.text import Text

from shared.domain.printable import printable
from soulprint.terminal import say_text


class _Console(Console):
    """A console of which each piece passes the door, and that makes no links."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            if control:
                yield Segment(text, style, control)
            else:
                yield Segment(printable(text), style.update_link(None) if style and style.link else style)


def console(stream: TextIO | None = None) -> Console:
    """A console on standard output, if not another: text is text there, never markup or an emoji's name."""
    return _Console(file=stream, markup=False, emoji=False, highlight=False)


def live(stream: TextIO | None = None, *, transient: bool = False) -> Live:
    """What is drawn anew in place, on such a console, which is the `console` of it."""
    return Live(console=console(stream), auto_refresh=False, transient=transient)


def say_markdown(text: str) -> None:
    """Print what a person or a model wrote, laid out where standard output is a terminal. Links are text."""
    shown = console()
    if shown.is_terminal:
        shown.print(Markdown(printable(text), hyperlinks=False))
    else:
        say_text(text)


def say_marked(before: str, marked: str, after: str) -> None:
    """Print such a text, a part of it so that it is seen."""
    text = Text.assemble(printable(before), (printable(marked), "bold reverse"), printable(after))
    console().print(text, soft_wrap=True)
