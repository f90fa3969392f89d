"""What engineers type after `soulprint replay feed`, and what is refused of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.domain.errors import UsageError
from shared.requests.feeding import sources
from shared.settings import load_settings
from soulprint.replay.feeding import Asked, pipeline_named, sought_of

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
ASKED = Asked("v3", "7d", None, 16, None, as_json=False)
SETTINGS = load_settings(pipeline="v2")


def test_times_are_of_the_log() -> None:
    found = sought_of(replace(ASKED, until="2026-11-26"), SETTINGS, NOW)
    assert (found.pipeline, found.served, found.at_once) == ("v3", "v2", 16)
    assert found.since == datetime(2026, 11, 19, 12, tzinfo=UTC).timestamp() * 1000
    assert found.until == datetime(2026, 11, 26, tzinfo=UTC).timestamp() * 1000
    assert sought_of(ASKED, SETTINGS, NOW).until is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"since": "2026-11-27"}, "yet to come"),
        ({"until": "2026-11-27"}, "yet to come"),
        ({"since": "1h", "until": "2h"}, "is not after --since"),
        ({"since": "1h", "until": "1h"}, "is not after --since"),
        ({"since": "yesterday"}, "is no time"),
        ({"since": ""}, "is no time"),
        ({"since": "0" * 10_000}, "is no time"),
        ({"since": "٧d"}, "is no time"),
        ({"since": "2026-11-25T12:00:00"}, "has no offset"),
        ({"until": "x\x1b[2J"}, "is no time"),
        ({"rate": float("nan")}, "--rate"),
        ({"pipeline": "v2"}, "the pipeline that PIPELINE serves here"),
        ({"pipeline": "v1"}, "v1 makes first sections"),
        *(
            ({"pipeline": name}, "is no pipeline")
            for name in (
                "V3",
                "../x",
                "",
                "3",
                "v0",
                "v03",
                "v3 ",
                "v3\n",
                "v3.dlq",
                "v" + "9" * 10_000,
                "v٣",
            )
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError, match=why) as refused:
        sought_of(replace(ASKED, **changes), SETTINGS, NOW)  # type: ignore[arg-type]
    assert len(str(refused.value)) < 300
    assert str(refused.value).isprintable()


def test_a_served_pipeline_is_fed_where_another_is_served() -> None:
    assert sought_of(replace(ASKED, pipeline="v2"), load_settings(pipeline="v3"), NOW).pipeline == "v2"
    assert pipeline_named("v12") == "v12"


def test_imports_lie_on_the_entrance_and_behind_it() -> None:
    assert sources("v2") == ("import.received", "import.received.v1", "import.received.v2")
    assert sources("v1") == ("import.received", "import.received.v1")
