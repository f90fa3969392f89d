"""Learns the gate's weights from data/labels/train: `python -m scripts.train` writes
shared/english/gate/weights.json, the same bytes each time, and prints how well each scenario is told by what was
learned from the others. Needs the extra `train`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from scripts.labels import CLASSES, FACTS, KINDS
from shared.english.gate.features import features
from shared.english.gate.gate import SCALE, WEIGHTS
from shared.english.plain import fold
from shared.english.regions import own_words
from shared.english.sentences import Clause, split_clauses, split_sentences

LABELS = Path(__file__).parents[1] / "data" / "labels"
LEAST = 3
"""Clauses in which a feature stands at least."""
FOLDS = 5
STRENGTH = 0.1
"""Of the regression: the smaller, the less it trusts what is rare."""
SMALLEST = 2
"""Weights, in hundredths, that are kept at least."""
OVERLAP = 0.5
"""Share of the shorter one by which a labelled clause and one that is cut here are the same."""

OWN = re.compile(r"(?<![\w'])(?:i|i'm|im|i've|my|we|we're|our)(?![\w])")


@dataclass(frozen=True, slots=True)
class Example:
    """A clause as the product cuts it, with what the labels say of it."""

    scenario: str
    text: str
    label: str
    kind: str
    features: tuple[str, ...]


def examples(folder: Path) -> list[Example]:
    """All clauses of the labelled messages that the guards let through."""
    found: list[Example] = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            found.extend(_examples_of(json.loads(line)))
    return found


def clauses_in(text: str) -> Iterator[tuple[Clause, str]]:
    """Each clause of a message, and the sentence before its own."""
    low = fold(text)
    own = own_words(low)
    previous = ""
    for sentence in split_sentences(text, own):
        for clause in split_clauses(sentence):
            yield clause, previous
        previous = low[sentence.start : sentence.end + 1]


def _examples_of(row: dict[str, Any]) -> Iterator[Example]:
    spans: list[tuple[int, int, str, str]] = []
    at = 0
    for words, label, kind in row["clauses"]:
        begin = row["text"].index(words, at)
        at = begin + len(words)
        spans.append((begin, at, label, kind))
    for clause, previous in clauses_in(row["text"]):
        label, kind = _label_of(clause, spans)
        words = row["text"][clause.start : clause.end]
        if label:
            yield Example(row["scenario"], words, label, kind, tuple(features(clause, previous)))


def _label_of(clause: Clause, spans: Sequence[tuple[int, int, str, str]]) -> tuple[str, str]:
    """What the labels say: a clause that holds a fact is one, whatever it holds besides; a lesser part of one
    that names nobody does not stand alone, and of any other they say nothing."""
    size = clause.end - clause.start
    over = []
    for begin, end, label, kind in spans:
        shared = min(end, clause.end) - max(begin, clause.start)
        if shared >= OVERLAP * min(size, end - begin):
            if label in FACTS and shared < OVERLAP * (end - begin):
                label, kind = ("", "") if OWN.search(clause.text) else ("dangling", "")
            over.append((label in FACTS, shared, label, kind))
    return max(over)[2:] if over else ("passing", "")


def _matrix(rows: Sequence[Sequence[str]], known: dict[str, int]) -> csr_matrix:
    indices = [sorted({known[name] for name in row if name in known}) for row in rows]
    pointers = np.cumsum([0, *map(len, indices)])
    flat = np.array([index for row in indices for index in row], dtype=np.int32)
    return csr_matrix((np.ones(len(flat)), flat, pointers), shape=(len(rows), len(known)))


def _known(rows: Sequence[Sequence[str]], least: int) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        for name in set(row):
            counts[name] = counts.get(name, 0) + 1
    return {name: place for place, name in enumerate(sorted(n for n, c in counts.items() if c >= least))}


def _fitted(matrix: csr_matrix, labels: np.ndarray, strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=1000, tol=1e-5).fit(matrix, labels)


def _kept(model: LogisticRegression, known: dict[str, int]) -> dict[str, Any]:
    weights = np.rint(model.coef_ * SCALE).astype(int)
    return {
        "bias": np.rint(model.intercept_ * SCALE).astype(int).tolist(),
        "of": {
            name: weights[:, place].tolist()
            for name, place in known.items()
            if np.abs(weights[:, place]).max() >= SMALLEST
        },
    }


def _calibration(facts: np.ndarray, likely: np.ndarray) -> list[float]:
    bounded = np.clip(likely, 1e-6, 1 - 1e-6)
    logits = np.log(bounded / (1 - bounded)).reshape(-1, 1)
    model = LogisticRegression(C=1e6).fit(logits, facts)
    return [round(float(model.coef_[0, 0]), 4), round(float(model.intercept_[0]), 4)]


def told(name: str, scores: np.ndarray, true: np.ndarray) -> None:
    """Print precision at some recalls."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(true[order])
    told = []
    for recall in (0.6, 0.7, 0.8, 0.85, 0.9):
        at = int(np.searchsorted(right, recall * true.sum()))
        told.append(f"{recall:.2f}: {right[at] / (at + 1):.3f} (above {scores[order[at]]:.2f})")
    print(f"{name:>8}, precision at recall  " + "  ".join(told))


def main() -> int:
    rows = examples(LABELS / "train")
    labels = np.array([CLASSES.index(row.label) for row in rows])
    groups = [row.scenario for row in rows]
    known = _known([row.features for row in rows], LEAST)
    matrix = _matrix([row.features for row in rows], known)
    likely = np.zeros((len(rows), len(CLASSES)))
    for learned, tried in GroupKFold(FOLDS).split(matrix, labels, groups):
        likely[tried] = _fitted(matrix[learned], labels[learned], STRENGTH).predict_proba(matrix[tried])
    facts = labels < len(FACTS)
    fact = likely[:, : len(FACTS)].sum(axis=1)
    print(
        f"{len(rows)} clauses, {len(known)} features, {dict(zip(CLASSES, np.bincount(labels).tolist(), strict=True))}"
    )
    told("fact", fact, facts)
    told("durable", likely[:, 0], labels == 0)
    of_kind = [row for row in rows if row.kind]
    kind_known = _known([_of_kind(row) for row in of_kind], LEAST)
    kind_matrix = _matrix([_of_kind(row) for row in of_kind], kind_known)
    kind_labels = np.array([KINDS.index(row.kind) for row in of_kind])
    guessed = np.zeros(len(of_kind), dtype=int)
    for learned, tried in GroupKFold(FOLDS).split(
        kind_matrix, kind_labels, [row.scenario for row in of_kind]
    ):
        guessed[tried] = _fitted(kind_matrix[learned], kind_labels[learned], 0.2).predict(kind_matrix[tried])
    print(f"   kinds, share that is right  {(guessed == kind_labels).mean():.3f}")
    classes = _kept(_fitted(matrix, labels, STRENGTH), known)
    kinds = _kept(_fitted(kind_matrix, kind_labels, 0.2), kind_known)
    kept = {"calibration": _calibration(facts, fact), "classes": classes, "kinds": {"names": KINDS, **kinds}}
    text = json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    WEIGHTS.write_text(text.replace('],"', '],\n"') + "\n", "utf-8")
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size} bytes")
    return 0


def _of_kind(row: Example) -> list[str]:
    return [
        name
        for name in row.features
        if name[:2] in ("w=", "k=", "b=") or name.startswith(("subject", "verb"))
    ]


if __name__ == "__main__":
    sys.exit(main())
