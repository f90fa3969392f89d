"""The version of the rules: a hash of the code that decides what is extracted, so a changed rule empties the
cache."""

from __future__ import annotations

from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

RULE_MODULES = (
    "domain.markdown", "domain.printable", "english.abbreviations", "english.asked_about",
    "english.binding", "english.binding.bound", "english.binding.orders", "english.binding.own",
    "english.binding.reading", "english.binding.vocabulary", "english.canonical", "english.claims",
    "english.common_words", "english.excerpts", "english.gate", "english.gate.features",
    "english.gate.gate", "english.gate.lexicon", "english.handed_over", "english.joints",
    "english.language", "english.names", "english.normalise", "english.own_labels", "english.plain",
    "english.regions", "english.role_play", "english.sentences", "english.share", "english.slots",
    "english.slots_of_course", "english.slots_of_habit", "english.slots_of_life",
    "english.slots_of_moves", "english.spotting", "english.steps", "english.wording", "english.words",
    "models.rules.clauses", "models.rules.fields", "models.rules.forms", "models.rules.guards",
    "models.rules.instructions", "models.rules.kinds", "models.rules.reading", "models.rules.relative",
    "models.rules.remarks", "models.rules.said", "models.rules.statement", "models.rules.when",
    "models.rules.wishes",
)  # fmt: skip
"""Every module of `shared` that takes part in extraction; a test compares it with what a worker imports."""
WEIGHTS = "english.gate.weights"
DETECTOR = "cld3-py"
SHARED = Path(__file__).parents[2]


def rules_version(shared: Path = SHARED) -> str:
    """Twelve hex digits that change whenever a byte of the rule modules does, or their detector."""
    digest = blake2b(version(DETECTOR).encode(), digest_size=6)
    for name in (*RULE_MODULES, WEIGHTS):
        path = shared.joinpath(*name.split("."))
        path = (
            path / "__init__.py" if path.is_dir() else path.with_suffix(".json" if name == WEIGHTS else ".py")
        )
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
