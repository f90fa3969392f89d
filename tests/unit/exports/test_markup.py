from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.exports.formats.markup import text_of_html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain &amp; simple", "plain & simple"),
        ("<p>One\n two</p><p>Three <b>bold</b>.</p>", "One two\n\nThree bold."),
        ("a<br>b<br/>c<BR >d", "a\nb\nc\nd"),
        ("<ul><li>x</li><li><p>y</p></li></ul>", "- x\n-\n\ny"),
        ("<h2>T</h2><div>a</div><div>b</div>", "T\n\na\nb"),
        ("<pre><code>if x:\n    y()\n</code></pre>", "if x:\n    y()"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("x<script>evil()</script><style>p{}</style>y<!-- no <p> -->z", "xyz"),
        ("&lt;div&gt; is &quot;a block&quot;&nbsp;&#233;", '<div> is "a block" é'),
        ("1 < 2 and <3", "1 < 2 and <3"),
        ("<script>never closed", ""),
        ("a<!-- never closed", "a"),
        ("</p></ul></pre>a", "a"),
    ],
)
def test_what_a_reader_sees(html: str, text: str) -> None:
    assert text_of_html(html) == text


def test_depth_costs_nothing() -> None:
    assert text_of_html("<div>" * 200_000 + "x" + "</div>" * 200_000) == "x"
    assert text_of_html("<a" * 200_000).startswith("<a<a")


@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<pre>",
                "</pre>",
                "<li>",
                "<script>",
                "</script>",
                "<!--",
                "-->",
                " x\n",
                "&lt",
                "<",
            ]
        )
    )
)
def test_never_raises(pieces: list[str]) -> None:
    text = text_of_html("".join(pieces))
    assert text == text.strip()
    assert "\n\n\n" not in text
