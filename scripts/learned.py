"""From what the weights of the gate were learned, so that a test can tell whether they are of today."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from scripts.labels import LABELS

ROOT = Path(__file__).parents[1]
READING = (
    "scripts/train.py",
    "shared/english/gate/features.py",
    "shared/english/gate/lexicon.py",
    "shared/english/joints.py",
    "shared/english/own_labels.py",
    "shared/english/sentences.py",
)
"""What decides which clauses there are, and what is seen of them. What other modules do to them is small
beside it."""


def digest_of_labels() -> str:
    """Sixteen hex digits of the labels that are learned from and of how they are read."""
    digest = blake2b(digest_size=8)
    for path in (*sorted((LABELS / "train").glob("*.jsonl")), *(ROOT / name for name in READING)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
