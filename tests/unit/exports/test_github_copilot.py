from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from shared.exports.conversation import Rejected
from shared.exports.formats.github_copilot import GitHubCopilot, parse
from tests.support.formats import anything, assert_sound, conversations, detected, said
from tests.support.samples import github_copilot

LINES = ["I write Ada for trains", "Which rule?", "The ravenscar one"]


def session(*requests: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"responderUsername": "GitHub Copilot", "requests": list(requests), **more}


def test_requests_are_questions_and_their_answers() -> None:
    (found,) = conversations(GitHubCopilot(), github_copilot(LINES))
    assert said(found) == [("user", LINES[0]), ("assistant", LINES[1]), ("user", LINES[2])]
    assert (found.created_at, found.updated_at) == (1740000000.0, 1740000120.0)


def test_a_session_as_the_editor_keeps_it() -> None:
    raw = session(
        sessionId="s", customTitle="Trains", creationDate=1740000000000, lastMessageDate=1740000009000
    )
    found = conversations(GitHubCopilot(), raw)[0]
    assert (found.id, found.title, found.created_at, found.updated_at) == (
        "s", "Trains", 1740000000.0, 1740000009.0,
    )  # fmt: skip


def test_tools_and_progress_are_no_speech() -> None:
    response = [
        {"kind": "progressTaskSerialized", "content": {"value": "HIDDEN"}},
        {"value": "Yes, "},
        {"kind": "toolInvocationSerialized", "value": "HIDDEN"},
        {"kind": "markdownContent", "content": {"value": "always"}},
    ]
    found = parse(session({"requestId": "r", "message": "Really?", "response": response}))
    assert said(found) == [("user", "Really?"), ("assistant", "Yes, always")]


def test_its_id_stays_while_it_grows() -> None:
    (short,), (grown,) = (conversations(GitHubCopilot(), github_copilot(LINES[:n])) for n in (1, 3))
    assert short.id == grown.id


def test_what_is_no_session_is_rejected() -> None:
    assert parse(7, "place") == Rejected("place", "it is not an object")
    assert parse({"sessionId": "x"}) == Rejected("x", "it has no list of requests")
    assert parse(session({}, {}, sessionId="s"), max_messages=3) == Rejected(
        "s", "it has 4 messages; the cap is 3"
    )


def test_detection() -> None:
    assert isinstance(detected(session()), GitHubCopilot)
    assert detected({"requests": []}) is None


@settings(max_examples=100)
@given(anything("requests", "message", "text", "response", "value", "kind", "timestamp", "requestId"))
def test_parse_never_raises(raw: object) -> None:
    assert_sound(parse(raw))
    assert_sound(parse({"requests": [raw, {"message": raw, "response": raw, "timestamp": raw}]}))
    assert_sound(parse({"requests": [{"message": {"text": raw}, "response": [raw], "requestId": raw}]}))
