"""Tokens of people: whose they are, and everything that is no such token."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.access.jwks import KeysUnavailableError, ProjectKeys
from services.gateway.access.tokens import MOST_CHARS, Tokens, WrongTokenError
from tests.support.auth_server import JWKS, AuthServer, auth_server, letters, part

USER = UUID("0d9b3c54-9ed1-4c63-b7a2-6a3b3d1b7f10")
SECRET = "a-legacy-secret-of-the-tests-with-32-characters-and-more"


@pytest.fixture(scope="module")
async def project() -> AsyncIterator[AuthServer]:
    async with auth_server() as server:
        server.add("rsa", rsa=True)
        yield server


@pytest.fixture(scope="module")
async def tokens(project: AuthServer) -> AsyncIterator[Tokens]:
    keys = ProjectKeys(project.url + JWKS)
    yield Tokens(f"{project.url}/auth/v1", keys)
    await keys.close()


@pytest.fixture(scope="module")
async def with_secret(project: AuthServer) -> AsyncIterator[Tokens]:
    keys = ProjectKeys(project.url + JWKS)
    yield Tokens(f"{project.url}/auth/v1", keys, SECRET)
    await keys.close()


@pytest.mark.parametrize("name", ["first", "rsa"])
async def test_a_token_is_its_subjects(name: str, project: AuthServer, tokens: Tokens) -> None:
    assert await tokens.user_of(project.token(USER, name)) == USER


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["other", "authenticated"]},
        {"role": None},
        {"role": "editor"},
        {"is_anonymous": True},
        {"sub": str(USER).upper()},
    ],
)
async def test_what_else_a_persons_token_may_say(
    changes: dict[str, Any], project: AuthServer, tokens: Tokens
) -> None:
    assert await tokens.user_of(project.token(USER, **changes)) == USER


async def test_clocks_may_differ(project: AuthServer, tokens: Tokens) -> None:
    assert await tokens.user_of(project.token(USER, exp=int(time.time()) - 10)) == USER


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": lambda: int(time.time()) - 31},
        {"exp": None},
        {"exp": float("inf")},
        {"exp": [1]},
        {"exp": "soon"},
        {"nbf": lambda: int(time.time()) + 600},
        {"iat": {}},
        {"iss": "https://other.supabase.co/auth/v1"},
        {"iss": "supabase"},
        {"iss": None},
        {"iss": ["a"]},
        {"aud": "anon"},
        {"aud": None},
        {"aud": {"authenticated": 1}},
        {"sub": None},
        {"sub": "nora"},
        {"sub": 7},
        {"sub": f"{{{USER}}}"},
        {"sub": USER.hex},
        {"sub": f"urn:uuid:{USER}"},
        {"role": "service_role"},
        {"role": "anon"},
        {"role": ["authenticated"]},
    ],
)
async def test_a_signed_token_that_is_no_persons_of_this_project_now(
    changes: dict[str, Any], project: AuthServer, tokens: Tokens
) -> None:
    said = {name: value() if callable(value) else value for name, value in changes.items()}
    with pytest.raises(WrongTokenError):
        await tokens.user_of(project.token(USER, **said))


async def test_that_a_token_has_expired_is_told(project: AuthServer, tokens: Tokens) -> None:
    with pytest.raises(WrongTokenError, match="has expired"):
        await tokens.user_of(project.token(USER, exp=int(time.time()) - 600))


@pytest.mark.parametrize(
    "headers",
    [
        {"crit": ["b64"], "b64": True},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": None},
        {"b64": True, "crit": None},
        {"kid": "rsa"},  # a key of another kind
        {"kid": "unknown"},
        {"kid": ""},
        {"kid": "../../first"},
    ],
)
async def test_a_header_that_asks_for_what_is_not_done(
    headers: dict[str, Any], project: AuthServer, tokens: Tokens
) -> None:
    with pytest.raises(WrongTokenError):
        await tokens.user_of(project.token(USER, headers=headers))


@pytest.mark.parametrize("name", ["first", "rsa"])
@pytest.mark.parametrize("kind", ["pem", "jwk"])
async def test_the_public_key_is_no_secret_to_sign_with(
    name: str, kind: str, project: AuthServer, tokens: Tokens, with_secret: Tokens
) -> None:
    pem = project.keys[name].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secret = pem if kind == "pem" else orjson.dumps(project.public(name))
    signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    for head in ({"alg": "HS256", "kid": name}, {"alg": "HS256"}):
        signed = f"{part(head)}.{part(project.claims(USER))}"
        forged = f"{signed}.{letters(signer.sign(signed.encode(), secret))}"
        for each in (tokens, with_secret):
            with pytest.raises(WrongTokenError):
                await each.user_of(forged)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "nOnE", "HS256", "HS512", "ES512", "PS256", "", None, 7, []]
)
@pytest.mark.parametrize("signature", ["", "AAAA"])
async def test_nothing_is_unsigned(
    algorithm: object, signature: str, project: AuthServer, tokens: Tokens
) -> None:
    head = part({"alg": algorithm, "kid": "first"})
    with pytest.raises(WrongTokenError):
        await tokens.user_of(f"{head}.{part(project.claims(USER))}.{signature}")


async def test_a_token_of_another_projects_key_of_the_same_name(project: AuthServer, tokens: Tokens) -> None:
    other = AuthServer()
    token = jwt.encode(project.claims(USER), other.keys["first"], "ES256", headers={"kid": "first"})
    with pytest.raises(WrongTokenError):
        await tokens.user_of(token)


async def test_a_changed_token_is_nobodys(project: AuthServer, tokens: Tokens) -> None:
    head, _, signature = project.token(USER).split(".")
    with pytest.raises(WrongTokenError):
        await tokens.user_of(f"{head}.{part(project.claims(uuid4()))}.{signature}")


async def test_the_legacy_secret_is_good_only_where_it_is_set(
    project: AuthServer, tokens: Tokens, with_secret: Tokens
) -> None:
    token = jwt.encode(project.claims(USER), SECRET, "HS256")
    named = jwt.encode(project.claims(USER), SECRET, "HS256", headers={"kid": "legacy"})
    fetches = project.fetches
    assert await with_secret.user_of(token) == await with_secret.user_of(named) == USER
    for each in (token, named):
        with pytest.raises(WrongTokenError):
            await tokens.user_of(each)
    assert project.fetches == fetches, "the project is asked for a key that it never shows"
    assert await with_secret.user_of(project.token(USER)) == USER
    service = jwt.encode({"iss": "supabase", "role": "service_role", "exp": 2_000_000_000}, SECRET, "HS256")
    with pytest.raises(WrongTokenError):
        await with_secret.user_of(service)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "....",
        "a.b.c",
        "\x00.\x00.\x00",
        "é.é.é",
        "\ud800.\ud800.\ud800",
        f"{part([1])}.{part({})}.AAAA",
        f"{part({'alg': 'ES256', 'kid': None})}.{part({})}.AAAA",
        f"{part({'alg': 'ES256', 'kid': ['first']})}.{part({})}.AAAA",
        f"{base64.urlsafe_b64encode(b'[' * 9000).decode()}.{part({})}.AAAA",
        "e30." * 4000 + "e30",
    ],
)
async def test_garbage_is_nobodys(token: str, tokens: Tokens) -> None:
    with pytest.raises(WrongTokenError):
        await tokens.user_of(token)


async def test_a_token_of_64_kilobytes_is_not_even_looked_at(project: AuthServer, tokens: Tokens) -> None:
    token = project.token(USER, more="x" * 48 * 1024)
    assert len(token) > 4 * MOST_CHARS - 1
    with pytest.raises(WrongTokenError, match="too long"):
        await tokens.user_of(token)
    assert await tokens.user_of(project.token(USER, more="x" * 8 * 1024)) == USER


@settings(max_examples=40)
@given(
    head=st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jku", "jwk", "x5u"]),
        st.one_of(
            st.sampled_from(["ES256", "RS256", "HS256", "none", "first", "rsa"]),
            st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=9), st.lists),
        ),
    ),
    rest=st.text(alphabet="abcXYZ019-_.=+/\n é", max_size=60),
)
async def test_whatever_is_sent_is_refused_and_breaks_nothing(
    head: dict[str, Any], rest: str, tokens: Tokens
) -> None:
    with pytest.raises(WrongTokenError):
        await tokens.user_of(f"{part(head)}.{rest}")


async def test_a_token_cannot_be_told_while_no_key_was_ever_had() -> None:
    server = AuthServer()
    await server.start()
    url, token = server.url, server.token(USER)
    await server.stop()
    keys = ProjectKeys(url + JWKS)
    with pytest.raises(KeysUnavailableError):
        await Tokens(f"{url}/auth/v1", keys).user_of(token)
    with pytest.raises(WrongTokenError):
        await Tokens(f"{url}/auth/v1", keys).user_of("garbage")
    await keys.close()
