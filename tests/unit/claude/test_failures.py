"""Which error of the SDK means what."""

from __future__ import annotations

import json

import anthropic
import httpx2
import pytest

from shared.models.claude.failures import Failure, classify
from shared.resilience.faults import Fault

REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/messages")


def failure_of(error: BaseException) -> Failure:
    return classify(error, model="claude-haiku-5-5", base_url="http://127.0.0.1")


def answered(status: int, kind: str = "api_error", message: str = "no", **details: str) -> Exception:
    """The exception the SDK raises for this answer."""
    error = {"type": kind, "message": message, **({"details": details} if details else {})}
    body = {"type": "error", "error": error}
    response = httpx2.Response(status, request=REQUEST, json=body)
    client = anthropic.Anthropic(api_key="k")
    return client._make_status_error_from_response(response)


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504])
def test_what_may_work_the_next_time_is_transient(status: int) -> None:
    failure = failure_of(answered(status))
    assert (failure.fault, failure.slow_down) == (Fault.TRANSIENT, False)


@pytest.mark.parametrize(
    "error",
    [
        anthropic.APIConnectionError(request=REQUEST),
        anthropic.APITimeoutError(request=REQUEST),
        TimeoutError(),
        json.JSONDecodeError("cut", "{", 1),
    ],
)
def test_so_is_a_connection_that_drops_or_hangs_or_ends_early(error: Exception) -> None:
    assert failure_of(error).fault is Fault.TRANSIENT


@pytest.mark.parametrize("status", [429, 529])
def test_too_many_calls_slow_down(status: int) -> None:
    failure = failure_of(answered(status))
    assert (failure.fault, failure.slow_down) == (Fault.TRANSIENT, True)


@pytest.mark.parametrize(
    "error",
    [
        answered(401, "authentication_error"),
        answered(402, "billing_error"),
        answered(403, "permission_error"),
        answered(404, "not_found_error"),
        answered(400, "invalid_request_error", "Your credit balance is too low to access the API"),
        answered(429, "rate_limit_error", error_code="enforced_spend_limit_reached"),
    ],
)
def test_key_credit_spend_limit_and_model_name_are_the_lane(error: Exception) -> None:
    assert failure_of(error).fault is Fault.LANE


def test_each_lane_fault_says_what_to_set() -> None:
    assert "ANTHROPIC_API_KEY" in failure_of(answered(401)).reason
    assert "SOULPRINT_CLAUDE_MODEL" in failure_of(answered(404)).reason
    assert "credit" in failure_of(answered(402)).reason


def test_a_refused_request_is_poison_and_a_long_one_may_be_split() -> None:
    assert failure_of(answered(400)) == Failure(
        Fault.POISON, "refused", "the provider refuses the request (400 api_error)"
    )
    assert failure_of(answered(413)).too_long
    assert failure_of(answered(400, message="prompt is too long: 3 tokens > 2")).too_long


def test_a_web_page_is_the_lane_unless_a_proxy_shows_it_for_a_moment() -> None:
    for status, fault in ((404, Fault.LANE), (403, Fault.LANE), (502, Fault.TRANSIENT)):
        response = httpx2.Response(status, request=REQUEST, html="<html></html>")
        error = anthropic.Anthropic(api_key="k")._make_status_error_from_response(response)
        assert failure_of(error).fault is fault


def test_a_bug_is_raised_not_retried() -> None:
    with pytest.raises(TypeError):
        failure_of(TypeError("temperature"))


def test_no_reason_repeats_what_the_provider_said() -> None:
    assert "secret" not in failure_of(answered(400, message="secret words of a transcript")).reason
