"""Bodies of any kind, by the thousand, at the predecessor and at the gateway: the same answer, but for what
is listed; and the gateway breaks at none."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import httpx2

from services.gateway.json_bodies import why_not_taken
from shared.store.store import Store
from tests.support.local import LocalSetting
from tests.support.side_by_side import both, seen

SEED = int(os.environ.get("CHAOS_SEED", "1"))
BODIES = 3000
U = "5e0f1a52-6b7c-4f7e-9d55-8a2f6c1b7e42"
ROUTES = ("/process-full", "/process-full-v2", "/import-full", "/retry-full-pass")
FIELDS = ("user_id", "storage_path", "file_type", "conversation_count", "message_count", "conversations", "x")
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1.5, 2**31, 2**63, 10**30, "", "12", "1.0", "\0", "\ud800", "a b"),
    *(U, U.upper(), "5e0f1a526b7c4f7e9d558a2f6c1b7e42", "system-health-check"),
    *(f"imports/{U}/{name}.zip" for name in ("a", "b", "\u202e", "..", "e\u0301", "y" * 300)),
    *("imports/x", "/etc/passwd", "a:b", "imports/00000000-0000-4000-8000-000000000000/a"),
)
KINDS = (*["application/json"] * 6, "text/plain", "application/json; charset=latin-1", "a/b+json", None)


def value_of(draw: random.Random, depth: int = 0) -> Any:
    if depth > 2 or draw.random() < 0.8:
        return draw.choice(VALUES)
    inner = [value_of(draw, depth + 1) for _ in range(draw.randrange(4))]
    return inner if draw.random() < 0.5 else dict(zip("abcd", inner, strict=False))


def body_of(draw: random.Random) -> bytes:
    if (kind := draw.random()) < 0.1:
        return draw.randbytes(draw.randrange(40))
    if kind < 0.15:
        return json.dumps(value_of(draw)).encode()
    body = {name: value_of(draw) for name in FIELDS if draw.random() < 0.7}
    if draw.random() < 0.6:
        body |= {"user_id": U}
    if draw.random() < 0.5:
        body |= {"storage_path": f"imports/{U}/{draw.randrange(9)}.zip"}
    text = json.dumps(body)
    return (text[: draw.randrange(len(text))] if kind > 0.9 else text).encode()


def listed(body: bytes, theirs: httpx2.Response, ours: httpx2.Response) -> bool:
    """Whether answers differ as they may."""
    detail = ours.json()["detail"]
    if ours.status_code == 400:
        return bool(why_not_taken(body))
    if ours.status_code == 403:
        return theirs.is_success
    if ours.status_code == 422 and isinstance(detail, list):  # beside what the predecessor finds
        others = [each for each in detail if each["type"] != "uuid_parsing"]
        return len(others) < len(detail) and (
            others == theirs.json()["detail"] if theirs.status_code == 422 else not others
        )
    return ours.status_code == 422 and theirs.is_success  # a path that is none


async def test_bodies_of_any_kind(database: str, store: Store, tmp_path: Path) -> None:
    draw = random.Random(SEED)
    same = 0
    async with both(LocalSetting(database, tmp_path)) as (_, client, face):
        for _ in range(BODIES):
            route, body, kind = draw.choice(ROUTES), body_of(draw), draw.choice(KINDS)
            headers = {"Content-Type": kind} if kind else {}
            theirs = await client.post(route, content=body, headers=headers)
            ours = await face.client.post(route, content=body, headers=headers)
            assert ours.status_code < 500, (route, body)
            if (ours.status_code, seen(ours)[1]) == (theirs.status_code, seen(theirs)[1]):
                same += 1
            else:
                assert listed(body, theirs, ours), (route, body, theirs.text, ours.text)
    assert same > BODIES / 2
