"""Write a ChatGPT export of any size whose truth is known.

    python -m tests.exports.generate export.zip --conversations 20000 --seed 1

Equal parameters give equal bytes. Beside the export lies its truth (`tests.exports.truth`).
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO

import orjson

from tests.exports.conversations import Built, build
from tests.exports.schedule import Options, Schedule, Where
from tests.exports.script import Plan
from tests.exports.sizes import TYPICAL_BYTES
from tests.exports.truth import GhostKind, Truth, truth_path

ZIP_LEVEL = 3
ZIP64_FROM = 1_000_000_000
"""Expected bytes from which a zip member is announced as possibly over 2 GiB."""
BESIDE = {
    "user.json": {"id": "user-example", "email": "robin@example.org", "chatgpt_plus_user": False},
    "message_feedback.json": [],
}
"""What an export's zip holds besides the conversations."""


def generate(
    path: Path,
    conversations: int,
    seed: int = 1,
    average_bytes: int = TYPICAL_BYTES,
    *,
    facts_per_conversation: float = 1.0,
    ghosts_per_conversation: float = 0.5,
    duplicates: int | None = None,
    long_every: int = 500,
    huge_bytes: int = 0,
    extra: int = 0,
    extra_at: Where = "start",
    extra_seed: int = 1,
) -> Truth:
    """Write an export to `path` (.json or .zip) and its truth beside it; returns the truth.

    The parameters are those of `Options`, which raises ValueError where they cannot be met.
    """
    options = Options(
        conversations,
        seed,
        average_bytes,
        facts_per_conversation,
        ghosts_per_conversation,
        duplicates,
        long_every,
        huge_bytes,
        extra,
        extra_at,
        extra_seed,
    )
    return write(path, options)


def write(path: Path, options: Options) -> Truth:
    """Write the export of `options`, holding one conversation at a time; returns and saves its truth."""
    schedule = Schedule(options)
    history = ((False, schedule.plan(slot)) for slot in range(options.conversations))
    extra = ((True, schedule.extra(number)) for number in range(options.extra))
    truth = Truth()
    expected = (options.conversations + options.extra) * options.average_bytes + options.huge_bytes
    with _open(path, expected) as out:
        truth.json_bytes += out.write(b"[")
        for is_extra, plan in chain(extra, history) if options.extra_at == "start" else chain(history, extra):
            built = build(plan)
            separator = b", " if truth.conversations else b""
            truth.json_bytes += out.write(separator + orjson.dumps(built.payload))
            _count(truth, plan, built, schedule.instruction_markers)
            if is_extra:
                truth.new_conversation_ids.append(built.payload["id"])
        truth.json_bytes += out.write(b"]")
    truth.save(truth_path(path))
    return truth


def _count(truth: Truth, plan: Plan, built: Built, instruction_markers: list[str]) -> None:
    """Add one conversation of the file to the truth. What an older version shares with the newer one is
    counted with the newer one."""
    truth.conversations += 1
    truth.unique_conversations += not plan.older
    if plan.older:
        truth.ghosts += [ghost for ghost in built.ghosts if ghost.kind is GhostKind.OLDER_VERSION]
    else:
        truth.ghosts += built.ghosts
    if built.left_out:
        truth.left_out += 1
    elif built.empty:
        truth.empty += 1
    elif plan.older:
        truth.duplicates += 1
    else:
        truth.kept += 1
        truth.planted += built.planted
        truth.visible_messages += built.messages
        truth.visible_characters += built.characters
        truth.person_characters += built.person_characters
        if built.instructed:
            truth.instructions = instruction_markers


@contextmanager
def _open(path: Path, expected_bytes: int) -> Iterator[IO[bytes]]:
    """The conversations file of the export at `path`, for writing."""
    if path.suffix == ".json":
        with path.open("wb") as out:
            yield out
    elif path.suffix == ".zip":
        # Members opened by name carry the fixed time 1980-01-01, so equal exports are equal files.
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=ZIP_LEVEL) as archive:
            for name, content in BESIDE.items():
                with archive.open(name, "w") as member:
                    member.write(orjson.dumps(content))
            large = expected_bytes > ZIP64_FROM
            with archive.open("conversations.json", "w", force_zip64=large) as member:
                yield member
    else:
        raise ValueError(f"{path.name}: an export is written as .json or .zip")


def main() -> None:
    """The command line."""
    defaults = Options(1)
    parser = argparse.ArgumentParser(prog="python -m tests.exports.generate", description=write.__doc__)
    parser.add_argument("path", type=Path, help="the export to write, .json or .zip")
    parser.add_argument("--conversations", type=int, required=True)
    for name in ("seed", "average-bytes", "long-every", "huge-bytes", "extra", "extra-seed"):
        parser.add_argument(f"--{name}", type=int, default=getattr(defaults, name.replace("-", "_")))
    for name in ("facts", "ghosts"):
        parser.add_argument(
            f"--{name}", type=float, default=getattr(defaults, name), help="mean a conversation"
        )
    parser.add_argument("--duplicates", type=int)
    parser.add_argument("--extra-at", choices=("start", "end"), default=defaults.extra_at)
    values = vars(parser.parse_args())
    path: Path = values.pop("path")
    try:
        truth = write(path, Options(**values))
    except ValueError as error:
        parser.error(str(error))
    print(
        f"{path}: {truth.conversations:,} conversations in {truth.json_bytes:,} bytes of JSON, "
        f"{truth.visible_messages:,} messages, {len(truth.planted):,} facts, {len(truth.ghosts):,} ghosts"
    )


if __name__ == "__main__":
    main()
