"""`soulprint replay plan` as it is typed: what is asked for, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.domain.errors import UsageError
from shared.domain.ids import user_id_for
from soulprint.replay.selecting import MOST_NAMED, import_in, sample_in, selection_of, which_of

ONE = "11111111-1111-4111-8111-111111111111"
ASKED: dict[str, Any] = {
    "users": [], "imports": [], "since": None, "until": None, "sample": None, "model_version": None,
}  # fmt: skip


def selected(**asked: Any) -> dict[str, Any]:
    return selection_of(**(ASKED | asked))


def test_what_is_not_asked_for_is_not_kept() -> None:
    assert selected() == {}
    assert selected(users=["ana", "ana"], imports=[ONE], sample="20", model_version=" m ") == {
        "users": [str(user_id_for("ana"))], "imports": [ONE], "sample": "20", "model_version": "m",
    }  # fmt: skip


def test_times_are_kept_in_utc() -> None:
    asked = selected(since="2026-01-31", until="2026-02-01T12:00:00+02:00")
    assert asked == {"since": "2026-01-31T00:00:00+00:00", "until": "2026-02-01T10:00:00+00:00"}
    day = datetime.now(UTC) - datetime.fromisoformat(selected(since="24h")["since"])
    assert timedelta(hours=23) < day < timedelta(hours=25)


@pytest.mark.parametrize(
    "typed", ["yesterday", "", "7x", "2026-13-01", "2026-01-01T00:00:00", "9999-01-01", "-1h", "\x1b[2J"]
)
@pytest.mark.parametrize("option", ["since", "until"])
def test_odd_times_are_refused_and_shown_as_text(option: str, typed: str) -> None:
    with pytest.raises(UsageError) as refused:
        selected(**{option: typed})
    assert "\x1b" not in str(refused.value)


def test_a_time_before_its_beginning_is_refused() -> None:
    with pytest.raises(UsageError, match="is not before"):
        selected(since="1h", until="2h")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("20", "20"), ("007", "7"), ("5%", "5%"), ("12.50 %", "12.5%"), ("100%", "100%"), (" 3 ", "3")],
)
def test_a_sample_is_a_number_or_a_share(typed: str, kept: str) -> None:
    assert sample_in(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["0", "000", "0%", "0.0%", "101%", "100.1%", "-1", "1.5", "5 percent", "%", "", "1e3", "٣", "9999999999"],
)
def test_odd_samples_are_refused(typed: str) -> None:
    with pytest.raises(UsageError, match="--sample"):
        sample_in(typed)


def test_only_what_goes_together_is_taken() -> None:
    assert which_of([], "facts") == ["all"]
    assert which_of(["dead", "missing", "dead"], "facts") == ["missing", "dead"]
    assert which_of(["stale"], "memory") == ["stale"]
    for only, stage in (
        (["all", "dead"], "facts"),
        (["stale", "all"], "facts"),
        (["dead"], "memory"),
        (["missing"], "chunks"),
        (["gone"], "facts"),
    ):
        with pytest.raises(UsageError, match="--only"):
            which_of(only, stage)  # type: ignore[arg-type]


def test_what_is_named_is_bounded_and_an_id() -> None:
    assert import_in(f" {ONE} ") == UUID(ONE)
    for odd in ("", "ana", "\x1b[31mred", ONE + "0"):
        with pytest.raises(UsageError, match="is no whole id") as refused:
            import_in(odd)
        assert "\x1b" not in str(refused.value)
    with pytest.raises(UsageError, match="10,001 are named"):
        selected(imports=[ONE] * (MOST_NAMED + 1))
    with pytest.raises(UsageError, match="--model-version is empty"):
        selected(model_version=" ")
