"""What ops type after `soulprint canary`: shares, times, reasons, users; and what is refused of it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.judging.words import share_of
from shared.domain.errors import UsageError
from shared.domain.ids import user_id_for
from soulprint.asked import MOST_CHARACTERS, asked_by, login
from soulprint.canary.explaining import LONGEST_LINE, lines_of
from soulprint.canary.shares import share_in
from soulprint.moments import moment_ago, moment_ahead

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("0", 0),
        ("10", 1000),
        ("12.5", 1250),
        ("12.34", 1234),
        ("0.01", 1),
        ("100", 10_000),
        ("100.00", 10_000),
        ("10%", 1000),
        (" 50 ", 5000),
    ],
)
def test_a_share_is_a_percent(text: str, share: int) -> None:
    assert share_in(text) == share


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("12.345", "more than 2 decimals"),
        ("100.01", "more than all users"),
        ("101", "more than all users"),
        ("999999", "more than all users"),
        ("1000000", "no share"),
        ("9" * 10_000, "no share"),
        ("ten", "no share"),
        ("", "no share"),
        ("-1", "no share"),
        ("1e1", "no share"),
        ("nan", "no share"),
        ("inf", "no share"),
        (".5", "no share"),
        ("5.", "no share"),
        ("1,5", "no share"),
        ("10 %", "no share"),
        ("१०", "no share"),
        ("10\x1b[31m", "no share"),
    ],
)
def test_what_is_no_share_is_refused_and_quoted_harmlessly(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as refused:
        share_in(text)
    assert len(str(refused.value)) < 200
    assert str(refused.value).isprintable()


@given(st.integers(0, 10_000))
def test_every_share_is_typed_as_it_is_told(share: int) -> None:
    assert share_in(share_of(share).removesuffix(" %")) == share


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30min", NOW + timedelta(minutes=30)),
        ("12h", NOW + timedelta(hours=12)),
        ("7d", NOW + timedelta(days=7)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T12:00:00Z", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("2027-01-31 12:00+02:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_span_a_date_or_a_time_with_its_offset(text: str, moment: datetime) -> None:
    assert moment_ahead(text, NOW) == moment


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2027-01-31T12:00:00", "has no offset"),
        ("2026-11-26", "is over"),
        ("0d", "is over"),
        ("9999-12-31", "ten years"),
        ("9999-12-31T23:59:59-14:00", "beyond the years"),
        ("99999d", "ten years"),
        ("999999d", "no time"),
        ("soon", "no time"),
        ("", "no time"),
        ("-1h", "no time"),
    ],
)
def test_a_time_that_cannot_be_meant_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        moment_ahead(text, NOW)


def test_looking_back_a_span_is_ago() -> None:
    assert moment_ago("12h", NOW) == NOW - timedelta(hours=12)
    assert moment_ago("2026-11-26", NOW) == datetime(2026, 11, 26, tzinfo=UTC)
    with pytest.raises(UsageError, match="yet to come"):
        moment_ago("2026-11-27", NOW)


def test_who_asks_says_why_in_a_line_that_commands_no_terminal() -> None:
    asked = asked_by(None, "  bad\nrelease \x1b[31m ")
    assert asked.reason == "bad release \ufffd[31m"
    assert asked.by == login() != ""


@pytest.mark.parametrize(
    ("by", "reason", "why"),
    [
        (None, " \n", "--reason is empty"),
        ("", "why", "--by is empty"),
        (None, "x" * (MOST_CHARACTERS + 1), "--reason has 501"),
        ("x" * (MOST_CHARACTERS + 1), "why", "--by has 501"),
    ],
)
def test_a_reason_that_is_none_is_refused(by: str | None, reason: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        asked_by(by, reason)


def test_a_login_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("soulprint.asked.getpass.getuser", nobody)
    assert login().startswith("uid ")


def test_users_of_a_stream_come_one_a_line() -> None:
    users = list(lines_of(io.BytesIO("ana\n\n  Zoë \r\n11111111-1111-4111-8111-111111111111".encode())))
    assert users == [*map(user_id_for, ("ana", "Zoë", "11111111-1111-4111-8111-111111111111"))]


@pytest.mark.parametrize(
    ("data", "why"), [(b"ana\n\xff\n", "line 2: not UTF-8"), (b"x" * (LONGEST_LINE + 1), "line 1: longer")]
)
def test_a_line_that_is_no_user_is_named(data: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        list(lines_of(io.BytesIO(data)))
