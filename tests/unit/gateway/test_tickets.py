"""Tickets, and service keys: what opens, for how long, and nothing that resembles it."""

from __future__ import annotations

import hashlib
from uuid import UUID, uuid4

import pytest

from services.gateway.access.keys import ServiceKeys
from services.gateway.access.tickets import SECONDS, Tickets
from shared.domain.key_digests import MOST_KEYS, key_digests

IMPORT = UUID("5f0f8b0e-6c67-4b6e-9a53-0a4a7c1b9d21")
OLD, NEW = "old-" + "k" * 40, "new-" + "k" * 40


def digest(key: str) -> str:
    """As SERVICE_KEYS has it."""
    return hashlib.sha256(key.encode()).hexdigest()


def test_a_ticket_is_good_for_its_import_for_a_minute_at_every_gateway() -> None:
    now = 1_800_000_000.0
    one, other = (Tickets(b"secret of all", clock=lambda: now) for _ in range(2))
    ticket = one.give(IMPORT)
    assert ticket.expires_at == now + SECONDS
    assert other.good(ticket.text, IMPORT)
    assert not other.good(ticket.text, uuid4())
    assert not Tickets(b"another secret", clock=lambda: now).good(ticket.text, IMPORT)
    now += SECONDS - 1
    assert other.good(ticket.text, IMPORT)
    now += 1
    assert not other.good(ticket.text, IMPORT)


@pytest.mark.parametrize(
    "text", ["", "x", "é" * 54, "\ud800" * 54, "A" * 54, "A" * 53, "=" * 54, "A" * 65_536]
)
def test_what_is_no_ticket(text: str) -> None:
    assert not Tickets(b"secret").good(text, IMPORT)


def test_a_ticket_with_another_time_or_end_is_none() -> None:
    tickets = Tickets(b"secret")
    text = tickets.give(IMPORT).text
    for place in range(len(text)):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        if place < len(text) - 1:  # of the last letter two bits mean nothing
            assert not tickets.good(changed, IMPORT)


def test_two_service_keys_are_good_at_once() -> None:
    keys = ServiceKeys(key_digests(f"{digest(OLD)}, {digest(NEW).upper()},"))
    assert keys.hold(OLD)
    assert keys.hold(NEW)
    for wrong in ("", OLD[:-1], OLD + "x", OLD.upper(), digest(OLD), "x" * 100_000, "\ud800" * 40, "é" * 40):
        assert not keys.hold(wrong)
    assert not ServiceKeys(()).hold(OLD)


def test_a_key_that_could_be_guessed_is_never_good() -> None:
    assert not ServiceKeys(key_digests(digest("secret"))).hold("secret")


def test_digests_are_each_taken_once() -> None:
    assert key_digests("") == key_digests(" , ") == ()
    assert key_digests(f"{digest(OLD)},{digest(OLD)}") == (hashlib.sha256(OLD.encode()).digest(),)


@pytest.mark.parametrize(
    "text",
    [
        OLD,
        f"{digest(OLD)},{NEW}",
        digest(OLD)[:-1],
        digest(OLD) + "0",
        digest(OLD).replace("a", "g", 1) + "g",
        f"{digest(OLD)} {digest(NEW)}",
        digest(""),
        digest("\n"),
        ",".join(digest(str(number)) for number in range(MOST_KEYS + 1)),
    ],
)
def test_what_is_no_digest_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="digest") as refused:
        key_digests(text)
    assert not any(part.strip() in str(refused.value) for part in text.split(","))
