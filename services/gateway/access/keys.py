"""Service keys: whoever holds one acts for every person."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

LEAST_CHARS, MOST_CHARS = 32, 512
"""Of a key. A shorter one could be guessed from its digest, and is never right."""


class ServiceKeys:
    """The keys that are good now, by their SHA-256 digests. While one is changed for another, both are."""

    def __init__(self, digests: Sequence[bytes]) -> None:
        self._digests = tuple(digests)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def hold(self, key: str) -> bool:
        """Whether this is one of them. It takes as long whichever it is, and whichever it is not."""
        if not LEAST_CHARS <= len(key) <= MOST_CHARS:
            return False
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        held = False
        for each in self._digests:
            held |= hmac.compare_digest(digest, each)
        return held
