"""A run with the worst model there may be, by hand, to be read file by file as the person would.

    python -m tests.support.worst FOLDER [chatgpt|claude] [claude|offline] [SEED]

Writes the export and what the run made of it to FOLDER, and prints what came through and what was lost.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fake_claude.obeying import WorstCase
from tests.support.worst.export import poisoned_export
from tests.support.worst.leaks import facts_in, forged, leaks, lost, texts_in, unasked
from tests.support.worst.person import ABOUT, ASKED, WISHES, truths


async def run(folder: Path, vendor: str, model: str, seed: int) -> int:
    """Run the command; answers its exit code, or 1 if anything came through."""
    out, export = folder / "out", folder / f"{vendor}.zip"
    planted = poisoned_export(export, vendor, seed=seed)
    known = [*truths(), *(ABOUT + WISHES if vendor == "chatgpt" else ())]
    worst = WorstCase(known, [order for _, order in planted])
    async with fake_claude() as fake:
        fake.answers = worst
        environment = {
            **os.environ,
            "SOULPRINT_HOME": str(folder / "home"),
            "SOULPRINT_MODEL": model,
            "ANTHROPIC_API_KEY": "test-key",
            "ANTHROPIC_BASE_URL": fake.url,
            "SOULPRINT_CHUNK_TOKENS": "1500",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "soulprint",
            "run",
            str(export),
            "--out",
            str(out),
            "--force",
            env=environment,
        )
        code = await process.wait()
    if code:
        return code
    texts = list(texts_in(out))
    through = leaks(texts, planted) + forged(texts, worst.forged)
    through += unasked(out, [each for each in known if each.words in ASKED or each in WISHES])
    gone = lost(known, [fact["statement"] for fact in facts_in(out)])
    print(*through, sep="\n")  # noqa: T201 - what this program is for
    words = {order.word for _, order in planted}
    print(  # noqa: T201
        f"{len(words)} planted, {len(worst.proposed & words)} proposed, {len(through)} texts came through; "
        f"{len(gone)} of {len(known)} true facts lost: {[each.statement for each in gone]}"
    )
    return int(bool(through or gone))


if __name__ == "__main__":
    given = [*sys.argv[1:], "", "", "", ""]
    Path(given[0]).mkdir(parents=True, exist_ok=True)
    sys.exit(
        asyncio.run(run(Path(given[0]), given[1] or "chatgpt", given[2] or "claude", int(given[3] or 0)))
    )
