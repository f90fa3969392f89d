"""Writes the digests that images have now into the Dockerfile and docker-compose.yml. `make pin` runs it.

python -m scripts.pin [TAG ...]    e.g. prom/prometheus:v3.16.0, to move to that tag too

It needs Docker's buildx and a registry, and changes nothing where one image is not found.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FILES: Final = ("Dockerfile", "docker-compose.yml")
PINNED: Final = re.compile(
    r"\b(?P<name>[a-z0-9][a-z0-9./-]*):(?P<tag>[\w.-]+)@(?P<digest>sha256:[0-9a-f]{64})\b"
)


def repinned(text: str, digest_of: Callable[[str], str], tags: Collection[str] = ()) -> str:
    """The text with the digests of today, and with these tags in place of the same images' others."""
    moved = {tag.rpartition(":")[0]: tag for tag in tags}

    def anew(found: re.Match[str]) -> str:
        tag = moved.get(found["name"], f"{found['name']}:{found['tag']}")
        return f"{tag}@{digest_of(tag)}"

    return PINNED.sub(anew, text)


def digest_of(tag: str) -> str:
    """The digest of the image for all its platforms, as its registry says. Raises SystemExit."""
    asked = ["docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", tag]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=60)  # noqa: S603 - no shell
    except (OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"pin: {tag}: {error}")
    if answer.returncode or not re.fullmatch(r"sha256:[0-9a-f]{64}", answer.stdout.strip()):
        sys.exit(f"pin: {tag}: {answer.stderr.strip() or 'its registry gives no digest'}")
    return answer.stdout.strip()


if __name__ == "__main__":
    written = {
        ROOT / name: repinned((ROOT / name).read_text("utf-8"), digest_of, sys.argv[1:]) for name in FILES
    }
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
