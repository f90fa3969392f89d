from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.exports.formats.markup import text_of_html
from tests.support.growth import cost


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


@pytest.mark.parametrize(
    ("before", "unit", "behind"),
    [
        ("<", "a", ""),
        ("<p", "a", " "),
        ("<p ", "a b=", ""),
        ("", "<a ", ""),
        ("", "<!-", ""),
        ("<!--", "-", ""),
        ("", "</", "x"),
        ("&#", "9", ""),
        ("", "&#9", ";"),
        ("", "&am", ""),
        ("<pre>", " \n", "x"),
        ("", "<li>", ""),
    ],
)
def test_what_never_ends_costs_no_more_than_its_length(before: str, unit: str, behind: str) -> None:
    page = before + unit * ((1 << 20) // len(unit)) + behind
    assert min(cost(lambda: text_of_html(page)) for _ in range(2)) < 1.0


@pytest.mark.parametrize("digits", [20, 4300, 5000])
def test_a_character_of_any_number_is_one(digits: int) -> None:
    assert text_of_html(f"a&#{'9' * digits};b&#x{'f' * digits};c") == "a\ufffdb\ufffdc"
