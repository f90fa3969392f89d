"""What a refusal says: the function, the SQLSTATE, never a value."""

from __future__ import annotations

import pytest

from shared.postgres.sqlstates import refusal


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("53100", "disk is full"),
        ("22P05", "NUL"),
        ("42501", "may not"),
        ("42883", "apply the migrations"),
        ("40P01", "collided"),
        ("08006", "connection was lost"),
        ("57P01", "stopping"),
        ("0A000", "the database refused"),
    ],
)
def test_a_state_is_explained(state: str, words: str) -> None:
    error = refusal("save", state, "value 'secret' is wrong")
    assert str(error).startswith("save: ")
    assert words in str(error)
    assert state in str(error)
    assert "secret" not in str(error)
    assert error.sqlstate == state


def test_our_own_states_speak_for_themselves() -> None:
    assert "import 7 belongs" in str(refusal("request_run", "SP002", "import 7 belongs to another user"))


def test_no_state_means_not_reached() -> None:
    error = refusal("save", None)
    assert "cannot be reached" in str(error)
    assert error.sqlstate is None
