"""Names of members and of files: for terminals, markup, file systems and messages."""

from __future__ import annotations

from random import Random

from tests.exports.hostile.archives import CHATS, NAME, zeros
from tests.exports.hostile.base import KIB, MIB, case
from tests.exports.hostile.rawzip import STORED, Entry, archive

NASTY = (
    "conversations[/bold].json",
    "[link=http://evil.example]y[/link].json",
    "[red]a[/]b[/red][/].json",
    "\x1b]0;PWNED\x07\x1b[2J\x1b[31m.json",
    "a\nsoulprint: everything is fine.json",
    "a\r\x1b[1A\x1b[2Kb.json",
    "\u202egnp.nosj",
    "\u2066\u2067\u2028\u2029\u0085x.json",
    "\x9b31m\x90q\x9c.json",
    "\ufeff\u200b\u200d\U000e0041.json",
    "Z\u0301\u0327\u0316" * 60 + ".json",
    "../../../../tmp/e.json",
    "/etc/cron.d/e.json",
    "C:\\Windows\\e.json",
    "\\\\host\\share\\e.json",
    "a/../../b.json",
    ". . /e.json",
    "con.json",
    "%s%n%x{0.__class__}{}$(id)`id`;id.json",
    "'; DROP TABLE imports; --.json",
    "</script><img src=x onerror=alert(1)>.json",
    '=cmd|" /C calc"!A0.json',
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 30 + ".json",
    "x" * 60_000 + ".json",
    "/".join("d" * 1000) + "/e.json",
    "",
    " ",
    ".json",
    "\x00.json",
    "a\x00.png",
    "\u0664\u0665" * 40 + "9" * 5000 + ".json",
    "²³" * 50 + ".json",
    "\ud800.json",
)


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


@case("names", ".zip")
def refused(_: Random, size: int) -> bytes:
    """Each is a break, told with its name."""
    bad = [Entry.of(_raw(n), b"no JSON" * (1 + size // 99_999)) for n in NASTY]
    return archive([*bad, Entry.of(NAME, CHATS)])


@case("names", ".zip")
def read(_: Random, size: int) -> bytes:
    return archive([Entry.of(_raw(n), CHATS) for n in NASTY[: max(4, size // 1000)]])


@case("names", ".zip", MIB)
def bombs(_: Random, size: int) -> bytes:
    return archive([Entry.of(_raw(n), zeros(max(size, 2 * MIB))) for n in NASTY[:5]])


@case("names", ".zip")
def not_utf8(random: Random, size: int) -> bytes:
    made = [
        Entry.of(random.randbytes(60).replace(b"\0", b"") + b".json", b"x", flags=f)
        for f in (0, 0x800)
        for _ in range(9)
    ]
    return archive([*made, Entry.of(NAME, CHATS, extra=random.randbytes(min(size, 60)))])


@case("names", ".zip")
def told_otherwise_in_the_table(_: Random, size: int) -> bytes:
    made = [
        Entry.of(f"a{n}.json", CHATS, central_name=_raw(name))
        for n, name in enumerate(NASTY[: 4 + size // 999])
    ]
    return archive(made)


@case("names", ".zip")
def one_for_all(_: Random, size: int) -> bytes:
    return archive([Entry.of(NAME, CHATS)] * max(2, size // 800))


@case("names", ".zip")
def as_long_as_can_be(_: Random, size: int) -> bytes:
    return archive(
        [Entry.of(f"{n}".encode() + b"n" * 65_000, b"x", STORED) for n in range(max(1, size // 65_000))]
        + [Entry.of(NAME, CHATS)]
    )


@case("names", ".zip")
def digits_to_be_sorted(random: Random, size: int) -> bytes:
    made = [
        Entry.of("1a" * 2000 + f"{random.randrange(10**18)}.json", CHATS) for _ in range(max(2, size // 8000))
    ]
    return archive(made)


@case("names", "", KIB)
def folder(_: Random, size: int) -> dict[str, bytes]:
    fit = [n for n in NASTY if 0 < len(_raw(n)) < 200 and not n.startswith((".", "/")) and ".." not in n]
    names = [n.replace("\x00", "").encode("utf-8", "replace").decode() for n in fit]
    return {NAME: CHATS, **{n: b"[" * (1 + size // KIB) for n in names if n.strip()}}
