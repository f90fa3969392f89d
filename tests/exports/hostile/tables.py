"""CSV as Microsoft's dashboard gives it: quotes never closed, lines without end, columns by the thousand."""

from __future__ import annotations

from random import Random

from tests.exports.hostile.archives import NAME
from tests.exports.hostile.base import MIB, case, thin, zipped

HEADER = b"Conversation,Time,Author,Message\r\n"
GOOD = b"Bees,2024-01-01T00:00:00Z,Human,I keep bees in Ghent.\r\nBees,2024-01-01T00:00:00Z,AI,How nice.\r\n"


@case("csv", ".csv", 2 * MIB)
def quote_never_closed(_: Random, size: int) -> bytes:
    return HEADER + GOOD + b'"' + b"a,b\r\n" * (size // 5)


@case("csv", ".zip", 70 * MIB)
def quote_never_closed_to_the_cap(random: Random, size: int) -> bytes:
    return zipped({"copilot.csv": HEADER + GOOD + b'"' + thin(random, b"a", size)}, 9)


@case("csv", ".zip", 50 * MIB)
def line_without_end(random: Random, size: int) -> bytes:
    return zipped({"copilot.csv": HEADER + GOOD + b"Bees,x,Human," + thin(random, b"a", size)}, 9)


@case("csv", ".csv", MIB)
def columns(_: Random, size: int) -> bytes:
    return HEADER + GOOD + b"," * (size // 2) + b"\r\n" + b",".join([b'""'] * (size // 6)) + b"\r\n" + GOOD


@case("csv", ".csv", MIB)
def header_of_many_columns(_: Random, size: int) -> bytes:
    return b"Conversation,Time,Author,Message" + b",A" * (size // 2) + b"\r\n" + GOOD


@case("csv", ".csv", MIB)
def rows_of_nothing(_: Random, size: int) -> bytes:
    return HEADER + GOOD + b"\r\n" * (size // 2) + GOOD


@case("csv", ".csv", MIB)
def line_ends_of_old(_: Random, size: int) -> bytes:
    return HEADER + GOOD + b"\r" * size + GOOD


@case("csv", ".csv", MIB)
def rows_too_short(_: Random, size: int) -> bytes:
    return HEADER + b"a\r\n" * (size // 3) + GOOD


@case("csv", ".csv", MIB)
def quotes(_: Random, size: int) -> bytes:
    return HEADER + GOOD + b'Bees,x,Human,"' + b'""' * (size // 2) + b'"\r\n' + GOOD


@case("csv", ".csv", MIB)
def quotes_amid(_: Random, size: int) -> bytes:
    return HEADER + b'a"b,"c"d,e"",""f\r\n' * (size // 20) + GOOD


@case("csv", ".zip", 60 * MIB)
def all_in_the_times(random: Random, size: int) -> bytes:
    """What is large is no text: what a conversation may hold counts the texts."""
    rows = (b"Bees," + thin(random, b"9", 100_000) + b",Human,I run.\r\n" for _ in range(size // 100_000))
    return zipped({"copilot.csv": HEADER + b"".join(rows)}, 9)


@case("csv", ".csv", MIB)
def times_to_be_guessed(_: Random, size: int) -> bytes:
    times = (b"1/1/2024 " + b" " * 5000, b"1" * 5000, b"12/31/9999 23:59:59 +2359", b"-1", b"nan", b"1e300")
    rows = b"".join(b"T%d,%b,Human,I run.\r\n" % (n, time) for n, time in enumerate(times))
    return HEADER + rows * max(1, size // 11_000)


@case("csv", ".csv", MIB)
def conversation_a_row(_: Random, size: int) -> bytes:
    return HEADER + b"".join(b"T%d,2024-01-01,Human,I run.\r\n" % n for n in range(size // 36))


@case("csv", ".csv")
def formulas(_: Random, size: int) -> bytes:
    row = b'"=HYPERLINK(""http://evil.example"")",2024-01-01,Human,"=cmd|\' /C calc\'!A0"\r\n'
    return HEADER + row * (size // len(row)) + GOOD


@case("csv", ".csv")
def nul_bytes(_: Random, size: int) -> bytes:
    return HEADER + GOOD + b"\x00" * size + b"\r\n" + GOOD


@case("csv", ".csv")
def utf16(_: Random, size: int) -> bytes:
    return (HEADER + GOOD * (size // 99)).decode().encode("utf-16")


@case("csv", ".csv")
def latin(_: Random, size: int) -> bytes:
    return HEADER + b"\xc3\x28\xff,\xfe,Human,I \xe9t\xe9.\r\n" * (size // 26) + GOOD


@case("csv", ".zip")
def beside_other_tables(_: Random, size: int) -> bytes:
    return zipped({"a.csv": HEADER + GOOD, "b.csv": b"A,B,C\r\n" * (size // 7), NAME: b"[]"})
