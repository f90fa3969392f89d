"""What an excerpt of a message shows: the person's own speech, and of what they pasted that there was
something.

What documents are written from passes the same guards as the ground of facts. A fence of code leaves its
mark where it names a language that there is: a name of a stranger's making could say anything.
"""

from __future__ import annotations

import re

from shared.domain.printable import seen
from shared.english.plain import fold
from shared.english.regions import own_words
from shared.english.spotting import BLANK
from shared.english.words import words_of

LEFT_OUT = "[…]"
CODE = words_of(
    """ada apl asm assembly awk bash basic batch c c# c++ clojure cmake cobol coffeescript cpp crystal cs
    csharp css cuda d dart delphi dockerfile elixir elm erlang f# fish fortran fsharp gdscript go golang
    graphql groovy haskell hcl html http ini java javascript jinja js json jsx julia kotlin latex lisp lua
    makefile matlab mermaid mysql nasm nim nix objc objective-c ocaml octave pascal perl php plsql postgres
    postgresql powershell prolog protobuf ps1 puppet purescript py python python3 qml r racket rb react regex
    ruby rust sass scala scheme scss sh shell solidity sql sqlite stan svelte swift systemverilog tcl
    terraform tex toml ts tsx typescript vb vba vbnet verilog vhdl vim vue wasm xml yaml yml zig zsh"""
)
"""Names of languages at fences that are believed."""
_FENCE = re.compile(r"```[ \t]{0,4}([a-z][\w+#-]{0,15})(?![\w+#-])")
_BLANKS = re.compile(f"{BLANK}+")


def own_excerpt(text: str) -> str:
    """What of `text` is the person's own, with LEFT_OUT for the rest; what they ask to be played is
    theirs."""
    text = seen(text).replace(LEFT_OUT, BLANK * len(LEFT_OUT))
    folded = fold(text)
    own = own_words(folded, played=True)
    if own == folded and BLANK not in own:
        return text
    pieces: list[str] = []
    done = 0
    for found in _BLANKS.finditer(own):
        pieces += text[done : found.start()], _shown(folded, found.start(), found.end())
        done = found.end()
    return "".join([*pieces, text[done:]])


def _shown(folded: str, start: int, end: int) -> str:
    fence = _FENCE.match(folded, start, end)
    if fence is None or fence[1] not in CODE:
        return LEFT_OUT
    begin = "" if not start or folded[start - 1] == "\n" else "\n"
    return f"{begin}```{fence[1]}\n{LEFT_OUT}\n```"
