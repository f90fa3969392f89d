from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.exports.formats.takeout_times import looks_like_time, parse_activity_time


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("Apr 12, 2026, 3:34:31 PM EDT", "2026-04-12T15:34:31-04:00"),
        ("Sep 2, 2026, 12:12:52\u202fPM PST", "2026-09-02T12:12:52-08:00"),
        ("Sep 2, 2026, 12:12:52 AM GMT+05:30", "2026-09-02T00:12:52+05:30"),
        ("2 Sept 2026, 12:12:52 BST", "2026-09-02T12:12:52+01:00"),
        ("2 Sept 2026, 9:12:52 pm IST", "2026-09-02T21:12:52+05:30"),
        ("18.04.2026, 17:38:51 MESZ", "2026-04-18T17:38:51+02:00"),
        ("4.1.2026, 07:08:09 MEZ", "2026-01-04T07:08:09+01:00"),
        ("28 févr. 2026, 22:30:00 CET", "2026-02-28T22:30:00+01:00"),
        ("1 août 2026, 22:30:00 UTC+2", "2026-08-01T22:30:00+02:00"),
        ("2 sept 2026, 12:12:52 CEST", "2026-09-02T12:12:52+02:00"),
        ("2 set 2026, 12:12:52 CEST", "2026-09-02T12:12:52+02:00"),
        ("2 de dez. de 2026, 12:12:52 BRT", "2026-12-02T12:12:52-03:00"),
        ("2026/09/02 12:12:52 JST", "2026-09-02T12:12:52+09:00"),
        ("2026年9月2日 12:12:52 CST", "2026-09-02T12:12:52+08:00"),
        ("2026年9月2日 下午3:12:52 [GMT+8]", "2026-09-02T15:12:52+08:00"),
        ("2026. 9. 2. 오후 3:12:52 KST", "2026-09-02T15:12:52+09:00"),
        ("2 сент. 2026 г., 12:12:52 MSK", "2026-09-02T12:12:52+03:00"),
        ("2 мая 2026 г., 12:12:52 GMT+03:00", "2026-05-02T12:12:52+03:00"),
        ("13 вер. 2026 р., 12:12:52 EEST", "2026-09-13T12:12:52+03:00"),
        ("2 wrz 2026, 12:12:52 CEST", "2026-09-02T12:12:52+02:00"),
        ("2 Eyl 2026 12:12:52 GMT+03:00", "2026-09-02T12:12:52+03:00"),
        ("2 Ιουλ 2026, 12:12:52 EEST", "2026-07-02T12:12:52+03:00"),
        ("12/31/2026, 12:12:52 UTC", "2026-12-31T12:12:52+00:00"),
        ("Jan 1, 2026, 1:02:03 AM XYZ", "2026-01-01T01:02:03+00:00"),
        ("Jan 1, 2026, 1:02:03 AM GMT-03:00", "2026-01-01T01:02:03-03:00"),
    ],
)
def test_times_in_the_accounts_language(written: str, moment: str) -> None:
    assert looks_like_time(written)
    assert parse_activity_time(written) == datetime.fromisoformat(moment).timestamp()


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "Feb 31, 2026, 1:02:03 AM UTC",
        "Jan 1, 2026, 25:02:03 UTC",
        "13.13.2026, 1:02:03",
        "1:02:03",
    ],
)
def test_what_is_no_time(written: str) -> None:
    assert parse_activity_time(written) is None


@pytest.mark.parametrize(
    "line",
    [
        "Meet me in 2026 at 10:30",
        "On 2 May 2026 at 10:30:00 we will all leave for the sea",
        "I was born in 1990",
        "It took 01:02:03",
        "May 2, 2026, 1:02:03 PM UTC" + " " * 80,
    ],
)
def test_a_persons_line_is_not_taken_for_the_time(line: str) -> None:
    assert not looks_like_time(line)


@given(st.text(alphabet="0123456789:. /年月日-+GMTUPA,mayэ", max_size=60))
def test_never_raises(text: str) -> None:
    looks_like_time(text)
    parsed = parse_activity_time(text)
    assert parsed is None or 0 < parsed < 5e9
