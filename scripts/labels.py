"""Checks the labels of data/labels: `python -m scripts.labels [FOLDER]`; exit 1 where something is wrong."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

CLASSES = ("durable", "event", "passing", "dangling", "not_own")
KINDS = (
    "about", "home", "work", "projects", "health", "tastes", "tools", "plans", "beliefs", "decisions", "answers"
)  # fmt: skip
FACTS = ("durable", "event")


def wrong_in(line: str) -> str:
    """What is wrong with one line; empty if nothing is."""
    row = json.loads(line)
    if set(row) != {"scenario", "text", "clauses"}:
        return f"has the keys {sorted(row)}"
    at = 0
    for clause, label, kind in row["clauses"]:
        found = row["text"].find(clause, at)
        if not clause or found < 0:
            return f"{clause!r} does not stand in the text, in order"
        at = found + len(clause)
        if label not in CLASSES:
            return f"{label!r} is no class"
        if (label in FACTS) != (kind in KINDS) or (label not in FACTS and kind != ""):
            return f"{kind!r} is no kind of a clause that is {label}"
    return ""


def main(folder: Path) -> int:
    wrong, counts, scenarios = 0, Counter[str](), Counter[str]()
    for path in sorted(folder.rglob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            try:
                why = wrong_in(line)
            except (ValueError, TypeError, KeyError) as error:
                why = f"cannot be read: {error}"
            if why:
                wrong += 1
                print(f"{path}:{number}: {why}")
            else:
                row = json.loads(line)
                counts.update(label for _, label, _ in row["clauses"])
                scenarios[row["scenario"]] += 1
    print(f"{sum(counts.values())} clauses in {sum(scenarios.values())} messages: {dict(counts)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "data/labels")))
