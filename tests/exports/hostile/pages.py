"""Takeout pages: tags never closed, comments, entities, nesting."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from random import Random

from tests.exports.hostile.base import CASES, MIB, Case, case
from tests.exports.hostile.forms import TIME, activity, cell, page

GOOD = activity("I keep bees in Ghent. I work as a nurse.")
UNITS: Mapping[str, str] = {
    "tag-name": "a",
    "tags-open": "<a",
    "tags-of-letters": "<" + "a" * 500,
    "attributes": " a=b",
    "attribute-quotes": ' a="',
    "slashes": "</",
    "comments-open": "<!--",
    "comments-empty": "<!-->",
    "comment-dashes": "-",
    "entities": "&amp;",
    "entities-open": "&",
    "entities-long": "&" + "a" * 32,
    "entities-numbered": "&#x110000;",
    "entity-digits": "1",
    "divs": "<div>",
    "divs-closed": "</div>",
    "lists": "<ul><li>",
    "cells": "<td>",
    "pre": "<pre> \n ",
    "pre-closed": "</pre>",
    "silent": "<script><style><title>",
    "brs": "<br>",
    "brs-open": "<br ",
    "spaces": " ",
    "line-ends": "\n",
    "nbsp": "&nbsp;\u00a0",
    "times": f"{TIME}<br>",
    "attached": "Attached 1 file.<br>- <a ",
    "outer-cells": '<div class="outer-cell',
    "content-cells": '<div class="content-cell',
    "header-cells": '<div class="header-cell x" ',
    "greater": ">",
    "less": "<",
    "cdata": "<![CDATA[",
    "nul": "\x00",
    "upper": "<DiV><bR/>",
}
"""What fills an answer, by what it tries."""
BEFORE = {
    "tag-name": "<",
    "attributes": "<a",
    "attribute-quotes": "<a",
    "comment-dashes": "<!--",
    "entity-digits": "&#",
}


def _filled(unit: str, before: str, where: str, _: Random, size: int) -> bytes:
    text = before + unit * (size // len(unit))
    made = {
        "answer": activity("I am Ana.", f"<p>{text}"),
        "prompt": activity(text),
        "header": cell("Prompted I am Ana.", "Gemini Apps<br>" + text),
        "time": activity("I am Ana.", "<p>x", text),
    }[where]
    return page(GOOD, made, GOOD.replace("bees", "bats"))


for number, (name, unit) in enumerate(UNITS.items()):
    for place in ("answer", ("prompt", "header", "time")[number % 3]):
        made = partial(_filled, unit, BEFORE.get(name, ""), place)
        CASES.append(Case("html", f"{name}-in-the-{place}", ".html", MIB // 2, made))


@case("html", ".html", MIB)
def head_without_end(_: Random, size: int) -> bytes:
    return b"<html><head>" + b'<div class="header-cell' * (size // 23)


@case("html", ".html", 4 * MIB)
def style_without_end(_: Random, size: int) -> bytes:
    return page(GOOD).replace(b"</style>", b".mdl-grid{}" * (size // 11))


@case("html", ".html", 2 * MIB)
def cells_without_anything(_: Random, size: int) -> bytes:
    return page(GOOD, '<div class="outer-cell' * (size // 22), GOOD)


@case("html", ".html", 2 * MIB)
def small_cells(_: Random, size: int) -> bytes:
    return page(*(activity(f"I like tea{n}.", "") for n in range(size // 330)))


@case("html", ".html", MIB)
def cells_of_others(_: Random, size: int) -> bytes:
    return page(GOOD, cell("Watched a film", "YouTube") * (size // 330))


@case("html", ".html")
def page_cut(random: Random, size: int) -> bytes:
    whole = page(GOOD * max(1, size // 400))
    return whole[: random.randrange(300, len(whole))]


@case("html", ".html")
def not_utf8(random: Random, size: int) -> bytes:
    return page(GOOD, activity("@@")).replace(b"@@", random.randbytes(size).replace(b"<", b""))
