"""Multipart forms, read as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.receiving.base import NotTakenError
from services.gateway.receiving.form import MOST_BYTES, MOST_FIELDS, Form

TYPE = "multipart/form-data; boundary=X-y"
FILE = bytes(range(256)) * 40 + b"\r\n--X-\r\n--X-z\r\n" * 3


def part(name: str, body: bytes, file: str | None = None) -> bytes:
    """One part, with what goes before it."""
    named = "" if file is None else f'; filename="{file}"'
    told = f'--X-y\r\nContent-Disposition: form-data; name="{name}"{named}\r\nContent-Type: a/b\r\n\r\n'
    return told.encode() + body + b"\r\n"


END = b"--X-y--\r\n"
WHOLE = part("user_id", b"x") + part("file", FILE, "ü.zip") + part("lineage", "é".encode()) + END


async def pieces_of(body: bytes, cuts: Sequence[int] = ()) -> AsyncIterator[bytes]:
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    for start, end in pairwise(places):
        yield body[start:end]


async def read(body: bytes, cuts: Sequence[int] = (), kind: str = TYPE) -> tuple[str, bytes, dict[str, str]]:
    """A form's file name, its file and its fields."""
    form = Form(pieces_of(body, cuts), kind)
    name = await form.begin()
    file = b"".join([piece async for piece in form.file()])
    await form.end()
    return name, file, form.fields


@given(st.lists(st.integers(0, len(WHOLE)), max_size=30))
async def test_however_it_comes_it_is_the_same(cuts: list[int]) -> None:
    assert await read(WHOLE, cuts) == ("ü.zip", FILE, {"user_id": "x", "lineage": "é"})


async def test_it_comes_byte_by_byte() -> None:
    assert (await read(WHOLE, range(len(WHOLE))))[1] == FILE


async def test_fields_before_the_file_are_there_when_it_begins() -> None:
    form = Form(pieces_of(WHOLE), 'multipart/form-data; charset=x; boundary="X-y"')
    assert await form.begin() == "ü.zip"
    assert form.before == {"user_id": "x"}


async def test_no_log_quotes_what_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    for body in (
        b"--Xsecret",
        part("file", FILE, "a").replace(b"Content-Type", b"Content(Type"),
        WHOLE + b"more",
    ):
        with suppress(NotTakenError):
            await read(body)
    assert not caplog.records


async def test_a_file_may_be_empty_and_unnamed() -> None:
    assert await read(part("file", b"", "") + END) == ("", b"", {})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        END,
        b"no form",
        part("user_id", b"x") + END,
        part("file", FILE, "a") + part("file", FILE, "b") + END,
        part("a", b"") + part("a", b"") + part("file", FILE, "a") + END,
        part("a", b"\xff") + part("file", FILE, "a") + END,
        b"--X-y\r\nContent-Type: a/b\r\n\r\nx\r\n" + part("file", FILE, "a") + END,
        b"--X-y\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END,
        b"--X-y\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n" + END,
        b"--X-y\r\n" + b"A: b\r\n" * 1000 + b"\r\nx\r\n" + END,
        b"--X-y\r\nA: " + b"b" * 100_000 + b"\r\n\r\nx\r\n" + END,
        b"--X-y\r\nA\0: b\r\n\r\nx\r\n" + END,
        b"".join(part(str(number), b"") for number in range(MOST_FIELDS + 2)) + END,
        part("a", b"x" * (MOST_BYTES + 1)) + part("file", FILE, "a") + END,
        *(WHOLE[:size] for size in (10, 60, 100, 300, len(WHOLE) - len(END) - 40, len(WHOLE) - 6)),
    ],
)
async def test_what_is_no_form_with_one_file_is_refused(body: bytes) -> None:
    with pytest.raises(NotTakenError) as refused:
        await read(body)
    assert refused.value.status in (413, 422)


@pytest.mark.parametrize(
    "kind",
    ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'a' * 300}"],
)
async def test_a_form_tells_its_boundary(kind: str) -> None:
    with pytest.raises(NotTakenError, match="boundary"):
        await read(WHOLE, kind=kind)


@given(
    st.binary(max_size=400)
    | st.lists(
        st.sampled_from(
            [
                b"--X-y",
                b"--X-y--",
                b"\r\n",
                b"\r",
                b"-",
                b"a: b",
                b'Content-Disposition: form-data; name="a"',
                b'; filename="b"',
                b"\0",
                b"\xff",
            ]
        ),
        max_size=30,
    ).map(b"".join)
)
async def test_nothing_breaks_it(body: bytes) -> None:
    with suppress(NotTakenError):
        await read(body)
