"""A loopback server that speaks Supabase storage's protocol over HTTP, faults included.

Downloads, buckets, lists, standard and signed uploads, removals, with the answers that the real one gives as
far as its clients and its documentation tell: errors have their status in the body, under 400.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

BASE = "/storage/v1/"
PREFIX = f"{BASE}object/"
_SAFE = re.compile(r"[\w/!.*'() &$@=;:+,?-]+\Z", re.ASCII)
"""Keys that the real one takes."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its body whole."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    size: int
    """Bytes of the body, also where it was not kept."""


@dataclass(slots=True)
class Storage:
    """Objects by `bucket/path`. `requests` are the paths asked for, in order, as they were written."""

    key: str
    objects: dict[str, bytes] = field(default_factory=dict)
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What is told of a bucket, by name: `make_bucket` adds one."""
    truncate: bool = False
    """Close the connection in the middle of the body."""
    status_in_body: bool = False
    """Tell errors of downloads as older servers do: 400, with the status in the body."""
    fails: int = 0
    """Answer 503 so many times more; -1: for ever."""
    endless: bool = False
    """Send an object's body again and again, without a length and without an end."""
    silent: bool = False
    """Promise the object and send half of it, and then nothing."""
    trickles: bool = False
    """Send the object a byte at a time, never silent for long."""
    says: bytes | None = None
    """Answer this to all but downloads, with 200."""
    forgets: bool = False
    """Keep no byte of what is uploaded: only its size, in `taken`."""
    taken: int = 0
    kinds: dict[str, str] = field(default_factory=dict)
    """The media type that came with each upload."""
    requests: list[str] = field(default_factory=list)
    url: str = ""

    def make_bucket(
        self, name: str, *, public: bool = False, limit: int | None = None, types: list[str] | None = None
    ) -> None:
        """Add a bucket, or change it."""
        self.buckets[name] = {
            "id": name, "name": name, "owner": "", "public": public, "file_size_limit": limit,
            "allowed_mime_types": types, "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        }  # fmt: skip

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection with one request."""
        try:
            request = await self._read(reader)
            allowed = request.headers.get("authorization") == f"bearer {self.key}".lower()
            if self.fails:
                self.fails -= self.fails > 0
                self._write(writer, 503, b"<html>unavailable</html>")
            elif request.method != "GET" or not request.path.startswith(PREFIX):
                self._call(writer, request, allowed)
            elif not allowed:
                self._refuse(writer, 403)
            elif (body := self.objects.get(request.path.removeprefix(PREFIX))) is None:
                self._refuse(writer, 404)
            elif self.endless:
                await self._flood(writer, body)
            elif self.trickles:
                await self._trickle(writer, body)
            else:
                self._write(writer, 200, body)
            await writer.drain()
            if self.silent:
                await reader.read()  # until the client has had enough
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # so it had
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        self.requests.append(target)
        body, size = bytearray(), 0
        async for piece in _pieces(reader, headers):
            size += len(piece)
            if not (self.forgets and (method == "PUT" or _is_object(method, target))):
                body += piece
        parts = urlsplit(target)
        return Request(method, unquote(parts.path), parse_qs(parts.query), headers, bytes(body), size)

    def _call(self, writer: asyncio.StreamWriter, request: Request, allowed: bool) -> None:
        path = request.path.removeprefix(BASE)
        signed = request.method == "PUT" and path.startswith("object/upload/sign/")
        if self.says is not None:
            self._write(writer, 200, self.says)
        elif not (allowed or signed):
            self._tell(writer, 403)
        elif signed:
            self._take(writer, request, path.removeprefix("object/upload/sign/"))
        elif _is_object(request.method, request.path):
            self._store(writer, request, path.removeprefix("object/"))
        elif path.startswith("object/upload/sign/"):
            self._sign(writer, path.removeprefix("object/upload/sign/"))
        elif path.startswith("bucket/"):
            self._answer(writer, self.buckets.get(path.removeprefix("bucket/")))
        elif path.startswith("object/list/"):
            self._list(writer, path.removeprefix("object/list/"), json.loads(request.body))
        elif request.method == "DELETE":
            bucket, asked = path.removeprefix("object/"), json.loads(request.body)["prefixes"]
            gone = [each for each in asked if self.objects.pop(f"{bucket}/{each}", None) is not None]
            self._answer(writer, [{"name": each} for each in gone])
        else:
            self._tell(writer, 404)

    def _sign(self, writer: asyncio.StreamWriter, name: str) -> None:
        if name.partition("/")[0] not in self.buckets:
            self._tell(writer, 404)
        elif not _SAFE.match(name):
            self._tell(writer, 400)
        elif name in self.objects:
            self._tell(writer, 409)
        else:
            self._answer(writer, {"url": f"/object/upload/sign/{name}?token=signed-{len(name)}"})

    def _store(self, writer: asyncio.StreamWriter, request: Request, name: str) -> None:
        """A standard upload: the body itself. Of what has no length the real one checks no limit."""
        bucket, kind = self.buckets.get(name.partition("/")[0]), request.headers.get("content-type", "")
        if bucket is None or not _SAFE.match(name):
            self._tell(writer, 404 if bucket is None else 400)
        elif name in self.objects:
            self._tell(writer, 409)
        elif bucket["allowed_mime_types"] is not None and kind not in bucket["allowed_mime_types"]:
            self._tell(writer, 415)
        elif int(request.headers.get("content-length", 0)) > (bucket["file_size_limit"] or request.size):
            self._tell(writer, 413)
        else:
            self.objects[name], self.kinds[name], self.taken = request.body, kind, request.size
            self._answer(writer, {"Key": name})

    def _take(self, writer: asyncio.StreamWriter, request: Request, name: str) -> None:
        bucket = self.buckets[name.partition("/")[0]]
        limit, types = bucket["file_size_limit"], bucket["allowed_mime_types"]
        boundary = request.headers["content-type"].partition("boundary=")[2]
        kind, body = _file_of(request.body, boundary) if not self.forgets else ("", b"")
        if request.query.get("token") != [f"signed-{len(name)}"]:
            self._tell(writer, 403)
        elif limit is not None and len(body) > limit:
            self._tell(writer, 413)
        elif types is not None and kind not in types:
            self._tell(writer, 415)
        else:
            self.objects[name], self.kinds[name], self.taken = body, kind, request.size
            self._answer(writer, {"Key": name})

    def _list(self, writer: asyncio.StreamWriter, bucket: str, asked: dict[str, Any]) -> None:
        folder = f"{bucket}/{asked['prefix']}".rstrip("/") + "/"
        below = {
            name.removeprefix(folder): body for name, body in self.objects.items() if name.startswith(folder)
        }
        rows: dict[str, dict[str, Any]] = {}
        for name, body in sorted(below.items()):
            first, inner, _ = name.partition("/")
            rows[first] = {
                "name": first,
                "id": None if inner else "x",
                "metadata": None if inner else {"size": len(body)},
            }
        self._answer(writer, [*rows.values()][asked["offset"] :][: asked["limit"]])

    def _answer(self, writer: asyncio.StreamWriter, value: Any) -> None:
        if value is None:
            self._tell(writer, 404)
        else:
            self._write(writer, 200, json.dumps(value).encode())

    def _tell(self, writer: asyncio.StreamWriter, status: int) -> None:
        self._write(
            writer, 400, b'{"statusCode":"%d","error":"refused","message":"refused: a secret"}' % status
        )

    def _refuse(self, writer: asyncio.StreamWriter, status: int) -> None:
        shown = 400 if self.status_in_body else status
        self._write(writer, shown, b'{"statusCode":"%d","error":"refused","message":"refused"}' % status)

    def _write(self, writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
        writer.write(
            b"HTTP/1.1 %d Answer\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body))
        )
        writer.write(body[: len(body) // 2] if self.truncate or self.silent else body)

    async def _trickle(self, writer: asyncio.StreamWriter, body: bytes) -> None:
        writer.write(b"HTTP/1.1 200 Answer\r\nContent-Length: %d\r\n\r\n" % len(body))
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.02)

    async def _flood(self, writer: asyncio.StreamWriter, body: bytes) -> None:
        writer.write(b"HTTP/1.1 200 Answer\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"%x\r\n%b\r\n" % (len(body), body))
            await writer.drain()


def _is_object(method: str, path: str) -> bool:
    """Whether a request is the standard upload of an object."""
    return method == "POST" and re.match(rf"{PREFIX}(?!list/|upload/|move|copy|sign/)", path) is not None


async def _pieces(reader: asyncio.StreamReader, headers: dict[str, str]) -> AsyncIterator[bytes]:
    """A body as it comes, by its length or in chunks. Raises ConnectionError where it is cut off."""
    chunked = headers.get("transfer-encoding") == "chunked"
    while True:
        left = size = (
            int(await reader.readline() or b"", 16) if chunked else int(headers.get("content-length", 0))
        )
        while left:
            piece = await reader.read(min(left, 65536))
            if not piece:
                raise ConnectionError
            left -= len(piece)
            yield piece
        if chunked:
            await reader.readexactly(2)
        if not (chunked and size):
            return


def _file_of(body: bytes, boundary: str) -> tuple[str, bytes]:
    """Media type and content of the part `file` of a form."""
    for part in body.split(b"--" + boundary.encode()):
        head, _, content = part.partition(b"\r\n\r\n")
        if b'name="file"' in head:
            (kind,) = re.findall(rb"(?i)content-type: ([^\r\n]+)", head)
            return kind.decode(), content.removesuffix(b"\r\n")
    raise AssertionError("no file in the form")


@asynccontextmanager
async def storage_server(key: str) -> AsyncIterator[Storage]:
    """A running server, empty at first."""
    storage = Storage(key)
    server = await asyncio.start_server(storage.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    storage.url = f"http://127.0.0.1:{port}"
    async with server:
        yield storage
