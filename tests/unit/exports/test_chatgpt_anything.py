"""Whatever stands where a conversation of ChatGPT should be, parsing it does not raise."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.exports.conversation import Conversation, LeftOut, Rejected
from shared.exports.formats.chatgpt import parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


NODE_IDS = st.sampled_from("abcd")


CONTENT = st.fixed_dictionaries(
    {},
    optional={
        "content_type": st.sampled_from(["text", "multimodal_text", "user_editable_context"]) | JSON,
        "parts": st.lists(st.text(max_size=5) | JSON, max_size=3) | JSON,
        "text": JSON,
        "user_profile": JSON,
    },
)


MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "id": NODE_IDS | JSON,
        "author": st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "tool"]) | JSON})
        | JSON,
        "content": CONTENT | JSON,
        "create_time": JSON,
        "recipient": st.just("all") | JSON,
        "metadata": JSON,
    },
)


NODE = st.fixed_dictionaries(
    {},
    optional={
        "message": MESSAGE | JSON,
        "parent": NODE_IDS | JSON,
        "children": st.lists(NODE_IDS | JSON, max_size=3) | JSON,
    },
)


CONVERSATION = st.fixed_dictionaries(
    {"mapping": st.dictionaries(NODE_IDS, NODE | JSON, max_size=4) | JSON},
    optional=dict.fromkeys(("title", "id", "conversation_id", "create_time", "is_do_not_remember"), JSON)
    | {"current_node": NODE_IDS | JSON},
)


@given(CONVERSATION | JSON)
def test_parse_never_raises(raw: object) -> None:
    parsed = parse(raw)
    assert isinstance(parsed, Conversation | Rejected | LeftOut)
    parsed.id.encode()
    if isinstance(parsed, Conversation):
        assert parsed.id
        assert all(turn.text.strip() and turn.id and turn.text.encode() for turn in parsed.turns)
        assert len({turn.id for turn in parsed.turns}) == len(parsed.turns)
