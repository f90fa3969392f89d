"""The version of the rules: a hash of the code that decides what is extracted, so a changed rule empties the
cache."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

RULE_MODULES = (
    "clauses", "guards", "instructions", "language", "pasted", "plain", "reading", "regions", "role_play",
    "rulebook", "rules", "rules_beliefs", "rules_dates", "rules_decisions", "rules_family", "rules_health",
    "rules_home", "rules_instructions", "rules_person", "rules_tastes", "rules_things", "rules_work",
    "said", "sentences", "spotting", "statement", "when", "words",
)  # fmt: skip
"""Every module that takes part in extraction; a test compares the list with what a worker imports."""


def rules_version() -> str:
    """Twelve hex digits that change whenever a byte of the rule modules does."""
    digest = blake2b(digest_size=6)
    folder = Path(__file__).parent
    for name in RULE_MODULES:
        digest.update(name.encode() + b"\0" + (folder / f"{name}.py").read_bytes() + b"\0")
    return digest.hexdigest()
