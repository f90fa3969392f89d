"""Builds the corpus: see the package."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.exports.hostile import corpus


def main() -> None:
    """Write them into a folder, which is made where there is none."""
    parser = argparse.ArgumentParser(prog="python -m tests.exports.hostile", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for each in corpus(given.seed, given.count):
        print(each.write(given.folder).name)


if __name__ == "__main__":
    main()
