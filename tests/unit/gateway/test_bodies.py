"""Bodies of requests at a real server: too large, encoded, of a form that breaks."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest

from services.gateway.bodies import BodyRefusedError
from services.gateway.body_rules import HEAD_BYTES, JSON_BYTES, PROXIED_BYTES
from tests.support.bodies import UPLOAD_BYTES, Setting, taking_bodies
from tests.support.http_server import Answer, Wire, ask, head, wire

PROBLEM = "application/problem+json"
JSON = {"content_type": "application/json"}


@pytest.fixture(scope="module")
async def setting() -> AsyncIterator[Setting]:
    async with taking_bodies() as setting:
        yield setting


def is_problem(answer: Answer, status: int, told: str) -> bool:
    """Whether it is a whole problem of this status, and says so."""
    assert (answer.status, answer.headers["content-type"]) == (status, PROBLEM), answer
    assert answer.json.keys() == {"type", "title", "status", "detail"}
    assert (answer.json["status"], told in answer.json["detail"]) == (status, True), answer.json
    return True


async def test_what_is_well_formed_goes_through_and_the_connection_goes_on(setting: Setting) -> None:
    async with wire(setting.calm) as line:
        for _ in range(2):
            body = b'\xef\xbb\xbf{"source": "a/b.zip", "user_id": "x"}'
            await line.send(head("POST", "/imports", content_length=len(body), **JSON), body)
            assert (await line.answer()).json == {"source": "a/b.zip"}
        await line.send(head("POST", "/imports", content_type="application/zip", transfer_encoding="chunked"))
        await line.send(b"5\r\nabcde\r\n", b"186a0\r\n" + bytes(100_000) + b"\r\n", b"0\r\n\r\n")
        assert (await line.answer()).json == {"size": 100_005}
        await line.send(head("POST", "/query", content_length=3), b"\xff\xff\xff")
        assert (await line.answer()).json == {"size": 3, "large": False}


@pytest.mark.parametrize("declared", [True, False])
async def test_json_is_bounded(setting: Setting, declared: bool) -> None:
    body = b'{"source": "' + b"a" * JSON_BYTES + b'"}'
    for path, told in (("/imports", "?name="), ("/imports/x/retry", "larger than 65,536 bytes")):
        answer = await send(setting.calm, path, body, declared=declared)
        assert is_problem(answer, 413, told)
        assert answer.headers.get("connection") == ("close" if declared else None)
    answer = await send(setting.calm, "/k/secret/import-full", body, declared=declared)
    assert (answer.status, answer.json) == (413, {"detail": "the body is larger than 65,536 bytes"})


@pytest.mark.parametrize("declared", [True, False])
async def test_uploads_are_bounded_whatever_the_route_makes_of_it(setting: Setting, declared: bool) -> None:
    body = bytes(3 * UPLOAD_BYTES)
    answer = await send(setting.calm, "/imports?name=a.json", body, declared=declared)
    assert is_problem(answer, 413, "larger than 300,000 bytes")
    assert declared or isinstance(setting.seen[-1], BodyRefusedError)


async def test_what_is_proxied_is_bounded_and_json_with_conversations_goes_there(setting: Setting) -> None:
    async with wire(setting.calm) as line:
        await line.send(head("POST", "/chat", content_length=PROXIED_BYTES + 1, expect="100-continue"))
        answer = await line.answer()
        assert (answer.status, answer.json) == (413, {"detail": "the body is larger than 200,000,000 bytes"})
        assert await line.is_closed()
    body = b'{"conversations": "' + b"a" * (3 * JSON_BYTES) + b'"}'
    for path in ("/process-full", "/k/secret/process-full-v2"):
        for declared in (True, False):
            answer = await send(setting.calm, path, body, declared=declared)
            assert answer.json == {"size": len(body), "large": True}
        assert (await send(setting.calm, path, b"{}")).json == {"size": 2, "large": False}


async def test_an_encoded_body_is_refused_and_a_proxied_one_goes_on(setting: Setting) -> None:
    body = gzip.compress(b"{}" * 10_000)
    for path in ("/imports", "/imports?name=a.json", "/profiles/x"):
        answer = await ask(setting.calm, "POST", path, body, content_encoding="gzip", **JSON)
        assert is_problem(answer, 415, "Content-Encoding")
        assert answer.headers["accept-encoding"] == "identity"
    answer = await ask(setting.calm, "POST", "/import-full", body, content_encoding="br", **JSON)
    assert (answer.status, answer.json.keys()) == (415, {"detail"})
    answer = await ask(setting.calm, "POST", "/query", body, content_encoding="gzip")
    assert answer.json == {"size": len(body), "large": False}


@pytest.mark.parametrize("path", ["/imports", "/imports?name=a.json", "/query", "/import-full"])
async def test_a_body_of_two_lengths_hides_no_request(setting: Setting, path: str) -> None:
    async with wire(setting.calm) as line:
        framing = {"content_length": 4, "transfer_encoding": "chunked"}
        await line.send(head("POST", path, **framing, **JSON), b"0\r\n\r\n", head("GET", "/health"))
        answer = await line.answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close"), answer
        assert (answer.headers["content-type"] == PROBLEM) == path.startswith("/imports")
        assert await line.is_closed()


async def test_what_is_no_request_with_a_body_is_passed_on_as_it_is(setting: Setting) -> None:
    for method, status in (("GET", 405), ("POST", 422)):
        assert (await ask(setting.calm, method, "/import-full")).status == status
    answer = await ask(setting.calm, "GET", "/health", x="a" * HEAD_BYTES)
    assert (answer.status, "connection" in answer.headers) == (431, False)


async def test_a_client_that_sends_first_and_reads_then_has_its_answer(setting: Setting) -> None:
    body = bytes(4_000_000)
    async with wire(setting.calm) as line:
        await line.send(head("POST", "/profiles/x", content_length=JSON_BYTES, **JSON), b"[" + b" " * 65_534)
        await line.send(b"]")
        assert (await line.answer()).status == 401
    for path, status in (("/imports", 413), ("/imports?name=a", 413)):
        answer = await send(setting.calm, path, body)
        assert (answer.status, answer.headers["connection"]) == (status, "close")


@pytest.mark.parametrize(
    "request_",
    [
        head("POST", "/query", content_length=-1),
        head("POST", "/query", content_length="1, 2"),
        head("POST", "/query", content_length=3, Content_Length=4),
        head("POST", "/query", content_length="٣".encode().decode("latin-1")),
        head("POST", "/query", transfer_encoding="gzip, chunked"),
        head("POST", "/query", transfer_encoding="chunked") + b"xyz\r\n",
        head("POST", "/query", transfer_encoding="chunked") + b"-5\r\nabcde\r\n",
        head("POST", "/query", x="a" * 65_536),
        head("POST", "/" + "a" * 65_536),
        b"POST /query HTTP/1.1\r\nHost: test\r\n\0: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
async def test_a_head_or_framing_that_lies_is_refused(setting: Setting, request_: bytes) -> None:
    async with wire(setting.calm) as line:
        await line.send(request_)
        line.writer.write_eof()
        answer = await line.answer()
        assert answer.status in (400, 431, 501), answer


async def test_what_is_sent_beyond_the_length_is_no_part_of_it(setting: Setting) -> None:
    async with wire(setting.calm) as line:
        await line.send(head("POST", "/query", content_length=3), b"abcdef\r\n\r\n")
        assert (await line.answer()).json["size"] == 3
        assert (await line.answer()).status == 400
        assert await line.is_closed()


@pytest.mark.parametrize(
    "body",
    [
        b'{"user_id":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"user_id":' + b"[" * 60 + b"]" * 60 + b"}",
        b"[" * 65_000,
        b'{"user_id": NaN}',
        b'{"user_id": 1e400}',
        b'{"user_id": "\\ud800"}',
        b'{"user_id": {"\\ud800": 1}}',
        b'{"user_id": \xff}',
        b'{"user_id": ' + b"9" * 5000 + b"}",
        b'{"user_id": {"a": "\\u0000"}}',
        '{"user_id": 1}'.encode("utf-16"),
        b"\xff\xfe\xfd",
        b"\0",
        b"{",
        b"null",
    ],
)
async def test_no_body_makes_a_legacy_route_fail(setting: Setting, body: bytes) -> None:
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", "application/x+json"):
        answer = await ask(setting.calm, "POST", "/import-full", body, content_type=kind)
        assert answer.status in (400, 422), answer
        assert answer.json.keys() == {"detail"}


async def test_json_of_ours_is_refused_with_the_reason(setting: Setting) -> None:
    for body, told in (
        (b"[" * 10_000 + b"]" * 10_000, "levels"),
        (b'{"a": NaN}', "NaN"),
        (b'{"user_id": 1, "user_id": 2}', "twice"),
    ):
        assert is_problem(await ask(setting.calm, "POST", "/imports", body, **JSON), 400, told)


async def send(port: int, path: str, body: bytes, *, declared: bool = True) -> Answer:
    """A JSON body, sent whole before the answer is read; by its length, or in chunks."""
    async with wire(port) as line:
        await _send(line, path, body, declared)
        return await line.answer()


async def _send(line: Wire, path: str, body: bytes, declared: bool) -> None:
    if declared:
        await line.send(head("POST", path, content_length=len(body), **JSON), body)
        return
    await line.send(head("POST", path, transfer_encoding="chunked", **JSON))
    for start in range(0, len(body), 50_000):
        piece = body[start : start + 50_000]
        await line.send(b"%x\r\n%b\r\n" % (len(piece), piece))
    await line.send(b"0\r\n\r\n")
