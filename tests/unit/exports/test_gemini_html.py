from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import BrokenExportError
from shared.exports.conversation import Conversation, Parsed, PassedOver, ReadLimits, Rejected
from shared.exports.formats import gemini_html
from shared.exports.formats.gemini import parse as parse_json_row
from shared.exports.formats.gemini_html import GeminiHtml, parse
from shared.exports.formats.takeout import OTHER_PRODUCT
from tests.support.formats import LIMITS, assert_sound, conversations, detected, read, said

STYLE = "<style>.mdl-typography--title{}.mdl-cell{}.mdl-grid{}</style>"


AT = "Apr 12, 2026, 3:34:31 PM EDT"
MDL = "mdl-cell mdl-cell--6-col mdl-typography--body-1"


def cell(content: str, header: str = "Gemini Apps") -> str:
    return (
        '<div class="outer-cell mdl-cell mdl-cell--12-col mdl-shadow--2dp"><div class="mdl-grid">'
        '<div class="header-cell mdl-cell mdl-cell--12-col">'
        f'<p class="mdl-typography--title">{header}<br></p></div>'
        f'<div class="content-cell {MDL}">{content}</div>'
        f'<div class="content-cell {MDL} mdl-typography--text-right"></div>'
        '<div class="content-cell mdl-cell mdl-cell--12-col mdl-typography--caption"><b>Products:</b><br>'
        "&emsp;Gemini Apps<br></div></div></div>"
    )


def page(*cells: str) -> bytes:
    body = "".join(cells)
    head = f"<html><head><title>My Activity History</title>{STYLE}</head>"
    return f'{head}<body><div class="mdl-grid">{body}</div></body></html>'.encode()


BEES = "Prompted&nbsp;I keep bees<br>Apr 12, 2026, 3:34:31\u202fPM EDT<br><p>How <b>nice</b>.</p>"


def test_a_cell_is_a_conversation() -> None:
    (found,) = conversations(GeminiHtml(), page(cell(BEES)))
    assert said(found) == [("user", "I keep bees"), ("assistant", "How nice.")]
    assert found.title == "I keep bees"
    assert found.created_at == found.turns[0].created_at == 1776022471.0


def test_the_json_of_the_same_row_has_the_same_id() -> None:
    title, time = "Prompted I keep bees", "2026-04-12T19:34:31.204Z"
    other = parse_json_row({"header": "Gemini Apps", "title": title, "time": time})
    found = parse(cell(BEES))
    assert isinstance(found, Conversation)
    assert isinstance(other, Conversation)
    assert found.id == other.id


@pytest.mark.parametrize(
    ("content", "turns"),
    [
        (f"Prompted a<br>{AT}<p>b</p><p>c</p>", [("user", "a"), ("assistant", "b\n\nc")]),
        (f"Prompted one<br>two<br><br>three<br>{AT}<br>", [("user", "one\ntwo\n\nthree")]),
        (f'Prompted <a href="https://gemini.google.com/app/x">a</a><br>{AT}', [("user", "a")]),
        (f"Prompted &lt;div class=&quot;outer-cell&quot;<br>{AT}", [("user", '<div class="outer-cell"')]),
        (
            'Prompted a<br>Attached 2 files.<br>-&nbsp;<a href="x.png">x</a><br>- <a href="y">y</a><br>'
            f"{AT}<br><p>b</p>",
            [("user", "a"), ("assistant", "b")],
        ),
        (f"Prompted list:<br>- milk<br>- eggs<br>{AT}<br>", [("user", "list:\n- milk\n- eggs")]),
        (f"\n  Prompted a<br>\n  {AT}<br>\n  <p>b</p>\n", [("user", "a"), ("assistant", "b")]),
        ("Prompted a<br><p>no time</p>", [("user", "a"), ("assistant", "no time")]),
        ("Prompted a", [("user", "a")]),
        (f"Prompted a<br>{AT}<br><p>b</p>{AT}<br>c", [("user", "a"), ("assistant", f"b\n\n{AT}\nc")]),
        ("저는 간호사<br>2026. 9. 2. 오후 3:12:52 KST<br>네", [("user", "저는 간호사"), ("assistant", "네")]),
    ],
)  # fmt: skip
def test_contents(content: str, turns: list[tuple[str, str]]) -> None:
    found = parse(cell(content))
    assert found is not None
    assert said(found) == turns


def test_german() -> None:
    content = (
        "Eingegebener Prompt: Ich wohne in Bremen<br>1&nbsp;Datei angehängt.<br>"
        "18.04.2026, 17:38:51 MESZ<br><p>Gut</p>"
    )
    found = parse(cell(content, "Gemini-Apps"))
    assert found is not None
    assert said(found) == [("user", "Ich wohne in Bremen"), ("assistant", "Gut")]
    assert found.created_at == 1776526731.0


def test_feedback_and_other_products_are_no_conversations() -> None:
    feedback = cell("Gave feedback: Good response<br>Apr 12, 2026, 3:34:31 PM EDT<br>")
    video = cell("Watched Gemini review<br>Apr 12, 2026, 3:34:31 PM EDT<br>", "YouTube")
    bare = '<div class="outer-cell"></div>'
    assert read(GeminiHtml(), page(feedback, video, bare)) == []
    (found,) = conversations(GeminiHtml(), page(feedback, cell(BEES), video))
    assert said(found)[0] == ("user", "I keep bees")


def block(lines: list[str], content: str, product: str = "Gemini Apps") -> str:
    """An activity whose header says what was done and when."""
    told = "".join(f"<p>{line}<br></p>" for line in lines)
    return (
        f'<div class="outer-cell mdl-cell"><div class="header-cell mdl-cell"><h3>{product}</h3>{told}</div>'
        f'<div class="content-cell mdl-cell">{content}</div></div>'
    )


@pytest.mark.parametrize(
    ("lines", "content"),
    [
        (["Prompted", AT], "<p>I keep bees<br><br>in Ghent</p><p>How</p><p>nice</p>"),
        (["Prompted I keep bees<br><br>in Ghent", AT], "<p>How</p><p>nice</p>"),
        (["Prompted", AT], "I keep bees<br><br>in Ghent<p>How</p><p>nice</p>"),
    ],
)
def test_a_header_that_says_all_gives_the_prompt_to_the_person(lines: list[str], content: str) -> None:
    found = parse(block(lines, content))
    assert isinstance(found, Conversation)
    assert found.created_at == 1776022471.0
    assert [(role, " ".join(text.split())) for role, text in said(found)] == [
        ("user", "I keep bees in Ghent"),
        ("assistant", "How nice"),
    ]


def test_such_a_prompt_without_an_answer_and_without_a_time() -> None:
    assert said(parse(block(["Prompted", AT], "<p>I keep bees</p>"))) == [("user", "I keep bees")]
    found = parse(block(["Prompted"], "<p>I keep bees</p><p>Nice</p>"))
    assert said(found) == [("user", "I keep bees"), ("assistant", "Nice")]


@pytest.mark.parametrize("what", ["Canvas", "Feedback", "Created Gemini Canvas titled X", "Unknown activity"])
def test_other_activities_of_that_form_are_no_conversations(what: str) -> None:
    assert isinstance(parse(block([what, AT], "<p>content</p><p>more</p>")), PassedOver)


def test_another_products_header_may_name_gemini() -> None:
    assert parse(block(["Searched for Gemini", AT], "<p>x</p>", "Search")) == OTHER_PRODUCT


class _Dribble(io.RawIOBase):
    """A stream that gives a few bytes at a time, and counts them."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size, self.given = data, size, 0

    def read(self, size: int = -1) -> bytes:
        piece = self.data[self.given : self.given + self.size]
        self.given += len(piece)
        return piece


@pytest.mark.parametrize("size", [1, 7, 23, 1000])
def test_cells_are_cut_wherever_the_stream_pauses(size: int) -> None:
    data = page(*[cell(BEES.replace("bees", f"bees {i}")) for i in range(5)])
    whole = conversations(GeminiHtml(), data)
    assert len({found.id for found in whole}) == 5
    assert list(GeminiHtml().read(_Dribble(data, size), "member", LIMITS)) == whole


def test_a_cell_is_given_out_before_the_rest_is_read() -> None:
    data = page(*[cell(BEES.replace("bees", f"bees {i}")) for i in range(200)])
    stream = _Dribble(data, 2000)
    found = GeminiHtml().read(stream, "member", LIMITS)
    next(found)
    assert stream.given < len(data) / 10


def collect(found: Iterator[Parsed]) -> tuple[list[Parsed], BrokenExportError]:
    parsed: list[Parsed] = []
    with pytest.raises(BrokenExportError) as broken:
        parsed.extend(found)  # keeps what came before the error
    return parsed, broken.value


def test_a_truncated_page_gives_what_came_before() -> None:
    data = page(cell(BEES), cell("Prompted second<br>Apr 12, 2026, 3:34:31 PM EDT<br><p>b</p>"))
    cut = data[: data.index(b"second") + 3]
    parsed, error = collect(GeminiHtml().read(io.BytesIO(cut), "My Activity.html", LIMITS))
    assert [said(item)[0][1] for item in parsed] == ["I keep bees"]
    assert (error.member, error.place) == ("My Activity.html", f"byte {len(cut)}, inside activity 2")


def test_a_stream_that_breaks_gives_what_came_before() -> None:
    class Breaks(_Dribble):
        def read(self, size: int = -1) -> bytes:
            return super().read() or self.fail()

        def fail(self) -> bytes:
            raise BrokenExportError("member", "byte 9", "the archive is cut off")

    parsed, error = collect(GeminiHtml().read(Breaks(page(cell(BEES), cell(BEES)), 500), "member", LIMITS))
    assert len(parsed) == 1
    assert error.reason == "the archive is cut off"


def test_an_oversize_cell_is_rejected_and_the_page_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemini_html, "WINDOW", 1000)
    data = page(cell(BEES), cell("Prompted " + "x" * 20_000), cell("Prompted last"))
    first, bad, last = read(GeminiHtml(), data, ReadLimits(conversation_bytes=5000))
    assert said(first)[0][1] == "I keep bees"
    assert isinstance(bad, Rejected)
    assert bad.id == "member#2"
    assert said(last) == [("user", "last")]


def test_broken_bytes_nul_and_empty() -> None:
    (found,) = conversations(GeminiHtml(), page(cell("Prompted a?b")).replace(b"a?b", b"a\xffb\x00"))
    assert said(found) == [("user", "a\ufffdb")]
    assert read(GeminiHtml(), page()) == []
    assert read(GeminiHtml(), b"") == []


def test_detection() -> None:
    long_style = f"<html><head>{STYLE}<style>{'p{}' * 30_000}</style>".encode()
    for ours in (page(cell(BEES)), page(cell("x", "Search"), cell(BEES)), long_style + page(cell(BEES))):
        assert isinstance(detected(ours), GeminiHtml)
    for other in (page(cell("Watched Gemini", "YouTube")), b"<html>chat</html>", b"Gemini outer-cell", b""):
        assert detected(other) is None


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from(
            [
                "Prompted ",
                "hi",
                "<br>",
                "<p>",
                "</p>",
                "</div>",
                "<div",
                '<div class="content-cell',
                ">",
                "\x00",
            ]
        )
        | st.sampled_from(["&#xd800;", AT, "<a href='x'>", '<div class="header-cell">', "Gemini", "- "])
    )
)
def test_parse_never_raises(pieces: list[str]) -> None:
    assert_sound(parse("".join(pieces)))
    found = parse(cell("".join(pieces)))
    assert_sound(found)
    assert isinstance(found, Conversation | PassedOver)
