"""Sections as the app knows them, and any section for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from shared.domain.sections import KINDS, Line, Section

APP: dict[str, dict[str, type]] = {
    "soul": {
        "communication_style": str,
        "personality_traits": list,
        "tone_preferences": str,
        "boundaries": str,
        "humor_style": str,
        "formality_level": str,
        "emotional_patterns": str,
    },
    "identity": {
        "ai_name": str,
        "archetype": str,
        "vibe": str,
        "emoji_style": str,
        "signature_greeting": str,
    },
    "user": {
        "name": str,
        "location": str,
        "occupation": str,
        "relationships": list,
        "interests": list,
        "life_context": str,
        "preferred_address": str,
    },
    "agents": {
        "response_style": str,
        "behavioral_rules": list,
        "context_adaptation": str,
        "memory_directives": str,
        "do_not": list,
    },
    "tools": {
        "likely_usage": list,
        "capabilities_emphasis": list,
        "output_preferences": str,
        "depth_preference": str,
    },
}
"""The keys of each section as the app knows them, and what lies under them."""
ids = st.text("0123456789abcdef", min_size=8, max_size=8)
lines = st.lists(st.builds(Line, st.text(max_size=60), st.lists(ids, max_size=3).map(tuple)), max_size=4)


@st.composite
def sections(draw: st.DrawFn) -> Section:
    """Any section of any lines."""
    kind = draw(st.sampled_from(list(KINDS.values())))
    return kind.of({field: draw(lines) for field in kind.fields()})
