"""Keys of a project: how often it is asked, and what holds while it does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson
import pytest

from services.gateway.access import jwks
from services.gateway.access.jwk import MOST_KEYS, read_keys
from services.gateway.access.jwks import KeysUnavailableError, ProjectKeys
from tests.support.auth_server import JWKS, AuthServer, auth_server
from tests.support.fake_claude.http import HttpResponse
from tests.support.waiting import until


@dataclass
class Clock:
    """A clock that goes when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def project() -> AsyncIterator[AuthServer]:
    async with auth_server() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keys(project: AuthServer, clock: Clock) -> AsyncIterator[ProjectKeys]:
    found = ProjectKeys(project.url + JWKS, clock=clock)
    yield found
    await found.close()


async def test_a_key_is_asked_for_once_in_ten_minutes(
    project: AuthServer, keys: ProjectKeys, clock: Clock
) -> None:
    first = await keys.find("first")
    assert first is not None
    assert first.algorithm == "ES256"
    clock.now += 599
    assert await keys.find("first") is first
    assert project.fetches == 1
    clock.now += 1
    assert await keys.find("first") is not None
    assert project.fetches == 2


async def test_a_hundred_callers_wait_for_one_ask(project: AuthServer, keys: ProjectKeys) -> None:
    project.hold = asyncio.Event()
    callers = [asyncio.create_task(keys.find("first")) for _ in range(100)]
    await until(lambda: project.fetches == 1)
    callers[0].cancel()  # one who goes away takes the ask with them from nobody
    project.hold.set()
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(each is not None and not isinstance(each, BaseException) for each in found[1:])
    assert project.fetches == 1


async def test_a_thousand_unknown_names_are_two_asks_in_thirty_seconds(
    project: AuthServer, keys: ProjectKeys, clock: Clock
) -> None:
    for number in range(1000):
        clock.now += 0.029
        assert await keys.find(f"unknown {number}") is None
    assert project.fetches == 2
    clock.now += 30
    assert await keys.find("unknown") is None
    assert project.fetches == 3


async def test_a_key_that_is_new_is_found_at_once_and_the_old_one_is_gone(
    project: AuthServer, keys: ProjectKeys
) -> None:
    assert await keys.find("first") is not None
    project.rotate("first", "second")
    assert await keys.find("first") is not None
    assert await keys.find("second") is not None
    assert await keys.find("first") is None
    assert project.fetches == 2


async def test_keys_hold_for_a_day_while_the_project_is_away_and_nobody_waits(
    project: AuthServer, keys: ProjectKeys, clock: Clock
) -> None:
    assert await keys.find("first") is not None
    port = project.port
    await project.stop()
    for _ in range(23):
        clock.now += 3600
        assert await keys.find("first") is not None
        assert await keys.find("unknown") is None
    clock.now += 3600
    with pytest.raises(KeysUnavailableError):
        await keys.find("first")
    await project.start(port)
    clock.now += 31
    assert await keys.find("first") is not None


async def test_while_the_project_does_not_answer_only_the_first_caller_waits(
    project: AuthServer, keys: ProjectKeys, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await keys.find("first") is not None
    project.hold = asyncio.Event()
    monkeypatch.setattr(jwks, "SECONDS", 0.01)
    clock.now += 601
    assert await keys.find("first") is not None  # waited for nothing
    monkeypatch.setattr(jwks, "SECONDS", 30.0)
    clock.now += 31
    asked = project.fetches
    async with asyncio.timeout(3):  # waiting for the answer would take five
        assert await keys.find("first") is not None
    await until(lambda: project.fetches > asked)
    project.hold.set()


async def test_nobody_is_known_while_no_key_was_ever_had(
    project: AuthServer, keys: ProjectKeys, clock: Clock
) -> None:
    project.answer = HttpResponse(500, b"{}")
    for _ in range(50):
        with pytest.raises(KeysUnavailableError):
            await keys.find("first")
    assert project.fetches <= 2
    project.answer = None
    clock.now += 30
    assert await keys.find("first") is not None


@pytest.mark.parametrize(
    "answer",
    [
        HttpResponse(302, b"", headers={"Location": f"http://127.0.0.1:1{JWKS}"}),
        HttpResponse(200, b"<!doctype html>", "text/html"),
        HttpResponse(200, b'{"keys": {}}'),
        HttpResponse(200, b"[" * 100_000),
        HttpResponse(200, b'{"keys": [' + b" " * jwks.MOST_BYTES + b"]}"),
        HttpResponse(200, orjson.dumps({"keys": [{}] * (MOST_KEYS + 1)})),
        HttpResponse(200, b"\x1f\x8b\x08\x00", headers={"Content-Encoding": "gzip"}),
        HttpResponse(200, b'{"keys": []}' * 9, cut_at=7),
    ],
)
async def test_what_is_no_key_set_leaves_the_keys_as_they_are(
    answer: HttpResponse, project: AuthServer, keys: ProjectKeys, clock: Clock
) -> None:
    first = await keys.find("first")
    project.answer = answer
    clock.now += 601
    assert await keys.find("first") is first
    assert project.fetches == 2
    project.answer = None
    clock.now += 30
    assert await keys.find("first") is first
    await until(lambda: project.fetches == 3)


async def test_a_project_of_the_legacy_secret_shows_no_key_and_is_not_asked_each_time(
    project: AuthServer, keys: ProjectKeys
) -> None:
    project.keys.clear()
    for _ in range(20):
        assert await keys.find("first") is None
    assert project.fetches == 2


async def test_closing_ends_an_ask_under_way(project: AuthServer) -> None:
    keys = ProjectKeys(project.url + JWKS)
    project.hold = asyncio.Event()
    keys.begin()
    await until(lambda: project.fetches == 1)
    await keys.close()
    await keys.close()


def test_only_keys_that_sign_tokens_are_taken() -> None:
    server = AuthServer()
    server.add("rsa", rsa=True)
    curve, rsa = server.public("first"), server.public("rsa")
    found = read_keys(
        orjson.dumps(
            {
                "keys": [
                    curve | {"kid": "good"},
                    rsa | {"kid": "good rsa"},
                    curve | {"kid": "private", "d": "AAAA"},
                    rsa | {"kid": "good"},  # a name that is taken
                    {"kty": "oct", "kid": "secret", "alg": "HS256", "k": "c2VjcmV0"},
                    curve | {"kid": "encrypts", "use": "enc"},
                    curve | {"kid": "other", "alg": "HS256"},
                    curve | {"kid": "larger", "crv": "P-384"},
                    curve | {"kid": "nowhere", "x": "AAAA"},
                    curve | {"kid": "odd", "y": 7},
                    rsa | {"kid": "other rsa", "alg": "RS512"},
                    rsa | {"kid": "small", "n": "AQAB"},
                    rsa | {"kid": "huge", "n": "_" * 2000},
                    rsa | {"kid": "even", "e": "Ag"},
                    {name: value for name, value in curve.items() if name != "kid"},
                    curve | {"kid": 7},
                    curve | {"kid": ""},
                    "no key",
                    None,
                ]
            }
        )
    )
    assert {name: key.algorithm for name, key in found.items()} == {
        "good": "ES256",
        "good rsa": "RS256",
        "private": "ES256",
    }
    assert not hasattr(found["private"].material, "private_numbers")
