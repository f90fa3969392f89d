"""Learns the weights of the gate from data/labels/train: `make train`.

Writes shared/english/gate/weights.json, the same bytes each time, and prints how well each scenario is told
by what was learned from the others. Needs the extra `train`; what it writes needs no library.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from scripts.labels import CLASSES, FACTS, KINDS, LABELS
from scripts.learned import digest_of_labels
from shared.english.gate.features import features, matter_in
from shared.english.gate.gate import SCALE, WEIGHTS
from shared.english.plain import fold
from shared.english.regions import own_words
from shared.english.sentences import Clause, split_clauses, split_sentences

LEAST = 14
"""Clauses in which a feature stands at least."""
LEAST_OF_WORDS = 5
"""The same of a word alone: of what a clause speaks is told by words that are rare."""
FOLDS = 5
STRENGTH = 0.15
"""Of the regression for classes: the smaller, the less it trusts what is rare."""
KIND_STRENGTH = 0.5
OVERLAP = 0.5
"""Share of the shorter one by which a labelled clause and one that is cut here are the same."""
RECALLS = (0.6, 0.7, 0.8, 0.85, 0.9)
_OWN = re.compile(r"(?<![\w'])(?:i|i'm|im|i've|my|we|we're|our)(?![\w])")


@dataclass(frozen=True, slots=True)
class Example:
    """A clause as the product cuts it, with what the labels say of it."""

    scenario: str
    text: str
    label: str
    kind: str
    features: tuple[str, ...]
    matter: tuple[str, ...]
    """Those of them that tell of what it speaks: what kinds are learned from."""


def examples(folder: Path) -> list[Example]:
    """All clauses of the labelled messages in which own words are left."""
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
        seen, matter = features(clause, previous), matter_in(clause.text)
        if label and seen:
            yield Example(row["scenario"], words, label, kind, tuple(seen), tuple(matter))


def _label_of(clause: Clause, spans: Sequence[tuple[int, int, str, str]]) -> tuple[str, str]:
    """What the labels say: a clause that holds a fact is one, whatever it holds besides. A lesser part of one
    does not stand alone if it names nobody; of any other they say nothing."""
    size = clause.end - clause.start
    over = []
    for begin, end, label, kind in spans:
        shared = min(end, clause.end) - max(begin, clause.start)
        if shared >= OVERLAP * min(size, end - begin):
            if label in FACTS and shared < OVERLAP * (end - begin):
                label, kind = ("", "") if _OWN.search(clause.text) else ("dangling", "")
            over.append((label in FACTS, shared, label, kind))
    return max(over)[2:] if over else ("passing", "")


def _least_of(name: str) -> int:
    return LEAST_OF_WORDS if name.startswith("w=") else LEAST


def _matrix(rows: Sequence[Sequence[str]], known: dict[str, int]) -> csr_matrix:
    indices = [sorted({known[name] for name in row if name in known}) for row in rows]
    pointers = np.cumsum([0, *map(len, indices)])
    flat = np.array([index for row in indices for index in row], dtype=np.int32)
    return csr_matrix((np.ones(len(flat)), flat, pointers), shape=(len(rows), len(known)))


@dataclass(frozen=True, slots=True)
class Task:
    """What is learned from the same clauses: their classes, or the kinds of those that are facts."""

    names: Sequence[str]
    labels: np.ndarray
    rows: Sequence[Sequence[str]]
    groups: Sequence[str]
    strength: float
    weight: str | None = None
    """`balanced`: rare names count as much as frequent ones."""

    def known(self) -> dict[str, int]:
        """The features that stand in enough rows, numbered."""
        counts = Counter(name for row in self.rows for name in set(row))
        often = sorted(name for name, count in counts.items() if count >= _least_of(name))
        return {name: at for at, name in enumerate(often)}

    def tried(self) -> np.ndarray:
        """How likely each row is each name, by what was learned of other scenarios."""
        matrix, likely = _matrix(self.rows, self.known()), np.zeros((len(self.rows), len(self.names)))
        for learned, tried in GroupKFold(FOLDS).split(matrix, self.labels, self.groups):
            model = self._fitted(matrix[learned], self.labels[learned])
            likely[tried] = model.predict_proba(matrix[tried])
        return likely

    def kept(self) -> dict[str, Any]:
        """The weights, in hundredths: of each feature, pairs of a name's number and its weight."""
        known = self.known()
        model = self._fitted(_matrix(self.rows, known), self.labels)
        weights = np.rint(model.coef_ * SCALE).astype(int)
        return {
            "names": list(self.names),
            "bias": np.rint(model.intercept_ * SCALE).astype(int).tolist(),
            "of": {
                name: kept
                for name, place in known.items()
                if any(kept := [int(weight) for weight in weights[:, place]])
            },
        }

    def _fitted(self, matrix: csr_matrix, labels: np.ndarray) -> LogisticRegression:
        return LogisticRegression(C=self.strength, class_weight=self.weight, max_iter=1000, tol=1e-5).fit(
            matrix, labels
        )


def _calibration(facts: np.ndarray, likely: np.ndarray) -> list[float]:
    """Slope and offset by which a logit is what it says."""
    bounded = np.clip(likely, 1e-6, 1 - 1e-6)
    model = LogisticRegression(C=1e6).fit(np.log(bounded / (1 - bounded)).reshape(-1, 1), facts)
    return [round(float(model.coef_[0, 0]), 3), round(float(model.intercept_[0]), 3)]


def _told(name: str, scores: np.ndarray, true: np.ndarray) -> None:
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(true[order])
    told = []
    for recall in RECALLS:
        at = int(np.searchsorted(right, recall * true.sum()))
        told.append(f"{recall:.2f}: {right[at] / (at + 1):.3f}")
    print(f"{name:>8}, precision at recall  " + "  ".join(told))


def main() -> int:
    """Learn, tell how well, and write."""
    rows = examples(LABELS / "train")
    labels = np.array([CLASSES.index(row.label) for row in rows])
    classes = Task(CLASSES, labels, [row.features for row in rows], [row.scenario for row in rows], STRENGTH)
    of_facts = [row for row in rows if row.kind]
    kinds = Task(
        KINDS,
        np.array([KINDS.index(row.kind) for row in of_facts]),
        [row.matter for row in of_facts],
        [row.scenario for row in of_facts],
        KIND_STRENGTH,
        "balanced",
    )
    likely = classes.tried()
    facts, fact = labels < len(FACTS), likely[:, : len(FACTS)].sum(axis=1)
    counts = dict(zip(CLASSES, np.bincount(labels).tolist(), strict=True))
    print(f"{len(rows)} clauses, {len(classes.known())} features, {counts}")
    _told("fact", fact, facts)
    _told("durable", likely[:, 0], labels == 0)
    print(f"   kinds, share that is right  {(kinds.tried().argmax(axis=1) == kinds.labels).mean():.3f}")
    kept = {
        "learned_from": digest_of_labels(),
        "calibration": _calibration(facts, fact),
        "classes": classes.kept(),
        "kinds": kinds.kept(),
    }
    text = json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    WEIGHTS.write_text(text.replace('],"', '],\n"') + "\n", "utf-8")
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
