"""Keys that open nothing are known by what they say of themselves, and are never repeated."""

from __future__ import annotations

import pytest

from shared.domain.service_keys import is_token, service_key
from tests.support.gateway import PUBLISHABLE, SECRET
from tests.support.tokens import Signer

SIGNER = Signer()


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_a_service_key_is_taken_without_white_space_around_it(algorithm: str) -> None:
    key = SIGNER.token("service_role", algorithm=algorithm)
    assert service_key(f" {key}\n") == key
    assert is_token(key)
    assert service_key(SIGNER.token("soulprint_service"))


@pytest.mark.parametrize(
    "key", [SECRET, "of a project's own making", "a.b.c", "a.W10.c", "a.eyJyb2xlIjogMX0.c"]
)
def test_what_says_nothing_of_itself_is_taken_as_it_is(key: str) -> None:
    if " " not in key:
        assert service_key(key) == key
    assert not is_token(key)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_a_key_that_a_page_may_show_is_refused(role: str) -> None:
    key = SIGNER.token(role)
    with pytest.raises(ValueError, match=f"this is {role}'s") as told:
        service_key(key)
    assert key not in str(told.value)


def test_the_publishable_key_is_refused() -> None:
    with pytest.raises(ValueError, match="sb_secret_") as told:
        service_key(PUBLISHABLE)
    assert PUBLISHABLE not in str(told.value)


@pytest.mark.parametrize("key", ["tango secret", "tango\nsecret", "tango-\u2028s", "t\u00e4ngo"])
def test_what_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="as the project shows it") as told:
        service_key(key)
    assert "ngo" not in str(told.value)
