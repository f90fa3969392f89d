"""What a hostile export is: a name, and bytes or a folder of files, made anew from a seed."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

KIB, MIB = 1024, 1024 * 1024
USUAL = 256 * KIB
"""About how many hostile bytes an export holds where nothing else is said."""

LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

Made = bytes | Mapping[str, bytes]
"""A file, or the files of a folder by their paths in it."""
Maker = Callable[[Random, int], Made]
"""Makes an export with about so many hostile bytes, unpacked."""


@dataclass(frozen=True, slots=True)
class Case:
    """A way to harm."""

    kind: str
    name: str
    suffix: str
    """Of the file; empty for a folder."""
    full: int
    """Bytes that make the point."""
    make: Maker


@dataclass(frozen=True, slots=True)
class Hostile:
    """One export of the corpus."""

    number: int
    case: Case
    seed: str
    size: int

    @property
    def name(self) -> str:
        """Its file name: unlike what is in it, it is harmless."""
        return f"{self.number:03}-{self.case.kind}-{self.case.name}{self.case.suffix}"

    def write(self, folder: Path) -> Path:
        """Put it into the folder; answers its path."""
        path = folder / self.name
        made = self.case.make(Random(self.seed), self.size)
        if isinstance(made, bytes):
            path.write_bytes(made)
            return path
        for name, data in made.items():
            inner = path / name
            inner.parent.mkdir(parents=True, exist_ok=True)
            inner.write_bytes(data)
        return path


CASES: list[Case] = []
"""All ways, in the order in which their modules are imported."""


def case(kind: str, suffix: str, full: int = USUAL) -> Callable[[Maker], Maker]:
    """Add a maker to the cases, under its own name."""

    def added(make: Maker) -> Maker:
        name = make.__name__.strip("_").replace("_", "-")
        CASES.append(Case(kind, name, suffix, full, make))
        return make

    return added


def js(value: object) -> bytes:
    """JSON on one line."""
    return json.dumps(value).encode()


def zipped(members: Mapping[str, bytes] | Iterable[tuple[str, bytes]], level: int = 6) -> bytes:
    """An ordinary zip of these members; a name may come twice."""
    pairs = members.items() if isinstance(members, Mapping) else members
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, data in pairs:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, level)
    return file.getvalue()


def gzipped(data: bytes) -> bytes:
    """One gzip member, the same for the same bytes."""
    return gzip.compress(data, 6, mtime=0)


def repeated(unit: str, size: int) -> str:
    """The unit as often as it fits."""
    return unit * max(1, size // max(1, len(unit.encode("utf-8", "surrogatepass"))))


def thin(random: Random, unit: bytes, size: int, noise: int = 110) -> bytes:
    """So many bytes of the unit, with letters by chance between them, so that they stay below the cap on
    expansion: what is refused for that does no harm."""
    block = unit * max(1, 16_000 // len(unit))
    made = bytearray()
    while len(made) < size:
        made += block + letters(random, noise)
    return bytes(made)


def letters(random: Random, count: int) -> bytes:
    """So many letters by chance."""
    return bytes(random.choices(LETTERS, k=count))


START = 1_700_000_000.0


def chat(key: str, *texts: str, **fields: Any) -> dict[str, Any]:
    """A conversation as ChatGPT writes it: the person and the assistant by turns."""
    ids = [f"{key}-{number}" for number in range(len(texts))]
    mapping: dict[str, Any] = {}
    for number, text in enumerate(texts):
        mapping[ids[number]] = {
            "id": ids[number],
            "parent": ids[number - 1] if number else None,
            "children": ids[number + 1 : number + 2],
            "message": {
                "id": ids[number],
                "author": {"role": "assistant" if number % 2 else "user"},
                "create_time": START + number,
                "content": {"content_type": "text", "parts": [text]},
            },
        }
    return {
        "title": f"Title of {key}",
        "create_time": START,
        "update_time": START + 100,
        "mapping": mapping,
        "current_node": ids[-1] if ids else None,
        "conversation_id": key,
    } | fields


GOOD = [chat("good", "I keep bees in Ghent. I work as a nurse.", "How nice.")]
"""What stands beside the harm: a conversation with something to remember."""


def beside_good(*others: object) -> bytes:
    """A ChatGPT file of these conversations between good ones."""
    return js([*GOOD, *others, chat("last", "I love trains.", "Noted.")])
