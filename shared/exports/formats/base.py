"""The protocol of an export format. A new format is one module here and one line in `registry.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

from shared.exports.conversation import Parsed, ReadLimits


class Format(Protocol):
    """One vendor's export. Stateless; detected by the shape of its data, never by file names."""

    name: str
    """As reports show it, such as `chatgpt` or `open-webui`; a vendor's formats share one."""

    def detects(self, head: Head) -> bool:
        """True if a file that begins like `head` is of this format. Must not raise."""
        ...

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """Every conversation of one member, in file order, holding one at a time in memory.

        Raises BrokenExportError where the member breaks, after yielding all that came before.
        """
        ...


class Head:
    """The beginning of a member: its first bytes and, for JSON, its first objects (see `head.py`)."""

    def __init__(self, text: str, objects: list[Any], container: str) -> None:
        self.text = text
        """The first 64 KiB, decoded leniently."""
        self.objects = objects
        """Up to three first elements of the top-level array or lines, or [the top-level object itself]
        with long lists cut short. Empty where the member is not JSON."""
        self.container = container
        """`array`, `object`, `lines` or `other`."""
