"""Tickets: what opens the events of one import for a minute, for browsers, which send no header with them."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECONDS = 60
"""For which a ticket is good to begin with; events that have begun go on."""
_TIME_BYTES, _MAC_BYTES = 8, 32
_CHARS = 54
"""Of a ticket: 40 bytes in base64, without padding."""
_PURPOSE = b"soulprint gateway: tickets for the events of an import, 1"


@dataclass(frozen=True, slots=True)
class Ticket:
    """`text` is what goes into `?ticket=`, until `expires_at` (seconds since 1970)."""

    text: str
    expires_at: int


class Tickets:
    """Gives tickets and knows its own. Gateways with the same secret know each other's."""

    def __init__(self, secret: bytes, *, clock: Callable[[], float] = time.time) -> None:
        self._key = HKDF(SHA256(), _MAC_BYTES, salt=None, info=_PURPOSE).derive(secret)
        self._clock = clock

    def give(self, import_id: UUID) -> Ticket:
        """A ticket for one import."""
        until = int(self._clock()) + SECONDS
        stamp = until.to_bytes(_TIME_BYTES, "big")
        text = urlsafe_b64encode(stamp + self._mac(import_id, stamp)).rstrip(b"=").decode()
        return Ticket(text, until)

    def good(self, text: str, import_id: UUID) -> bool:
        """Whether this is a ticket for this import, and still good."""
        if len(text) != _CHARS:
            return False
        try:
            known = urlsafe_b64decode(text + "=" * (-_CHARS % 4))
        except (Error, ValueError):
            return False
        stamp, mac = known[:_TIME_BYTES], known[_TIME_BYTES:]
        ours = hmac.compare_digest(mac, self._mac(import_id, stamp))
        return ours and int.from_bytes(stamp, "big") > self._clock()

    def _mac(self, import_id: UUID, stamp: bytes) -> bytes:
        return hmac.digest(self._key, import_id.bytes + stamp, hashlib.sha256)
