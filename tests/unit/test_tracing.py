"""The wire's trace, by https://www.w3.org/TR/trace-context/#traceparent-header."""

from __future__ import annotations

import pytest

from shared.tracing import next_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def parts(traceparent: str) -> list[str]:
    return traceparent.split("-")


@pytest.mark.parametrize(
    ("parent", "flags"),
    [
        (f"00-{TRACE}-{SPAN}-01", "01"),
        (f"00-{TRACE}-{SPAN}-00", "00"),
        (f"00-{TRACE}-{SPAN}-fe", "00"),
        (f"00-{TRACE}-{SPAN}-ff", "01"),
        (f"01-{TRACE}-{SPAN}-00", "00"),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", "01"),
    ],
)
def test_a_valid_trace_goes_on_in_a_new_span_sampled_or_not_as_it_was(parent: str, flags: str) -> None:
    version, trace, span, told = parts(next_traceparent(parent))
    assert (version, trace, told) == ("00", TRACE, flags)
    assert span != SPAN


@pytest.mark.parametrize(
    "parent",
    [
        None,
        "",
        "nonsense",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"00-{TRACE}-{SPAN}-0A",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}0-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"00-{TRACE}-{SPAN}-01\n",
        f" 00-{TRACE}-{SPAN}-01",
        "00-٤" + TRACE[1:] + f"-{SPAN}-01",
    ],
)
def test_what_is_no_trace_is_not_passed_on(parent: str | None) -> None:
    version, trace, span, flags = parts(next_traceparent(parent))
    assert (version, flags) == ("00", "01")
    assert trace != TRACE
    assert int(trace, 16)
    assert int(span, 16)
