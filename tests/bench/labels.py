"""Labels made up for tests, in the form of ours, and an extractor that finds what it is told to find."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bench.talk.person import Extractor
from shared.domain.events import ChunkReady
from shared.domain.facts import Candidate, Category

EVERYDAY = [
    {
        "scenario": "a",
        "text": "I live in Leeds, and went to Rome in May. Thanks!",
        "clauses": [["I live in Leeds", "durable", "about"], ["went to Rome in May", "event", "plans"]],
    },
    {"scenario": "b", "text": "my wife is vegan", "clauses": [["my wife is vegan", "durable", "home"]]},
]
HARD = [
    {
        "scenario": "c",
        "text": "as a pirate I say: I live on a ship. I love it",
        "clauses": [["I live on a ship", "not_own", ""], ["I love it", "dangling", ""]],
    },
]


def write_labels(folder: Path) -> Path:
    """A folder of labels: in both parts the same."""
    for part in ("held-out", "train"):
        (folder / part).mkdir()
        for name, rows in (("everyday", EVERYDAY), ("hard", HARD)):
            (folder / part / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def finding(*quotes: str, confidence: float = 0.9) -> Extractor:
    """An extractor that finds these quotes wherever they stand."""

    def extract(chunk: ChunkReady) -> Sequence[Candidate]:
        return [
            Candidate(
                category=Category.BELIEFS,
                statement=quote,
                quote=quote,
                message_ids=(message.id,),
                confidence=confidence,
            )
            for message in chunk.messages
            for quote in quotes
            if quote in message.text
        ]

    return extract
