"""Times that are none, or of other ages."""

from __future__ import annotations

from random import Random

from tests.exports.hostile.base import beside_good, case, chat, js

ODD: tuple[object, ...] = (
    -1, 0, 1e300, -1e300, 1e-300, 10**300, -(10**30), 253402300800, 4102444799.999, 631152000, 1e18,
    True, None, "", "nan", "inf", "-inf", "1e300", "9" * 39, "0x10", "1_700_000_000", "\uff11\uff17",
    "2024-02-30",
    "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2024-01-01T00:00:00.123456789+99:99", "now",
    "2024-W01-1", "20240101T000000Z", "2024-01-01\x1b[31m", "2024-01-01 " + "0" * 100_000,
    [], {}, [1], {"a": 1},
)  # fmt: skip
RAW = (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1" * 4000, b"1" * 4400, b"1e-999", b"-0.0")


@case("times", ".json")
def of_conversations(_: Random, size: int) -> bytes:
    made = [
        chat(f"t{n}-{m}", f"I live in Town{n}.", create_time=odd, update_time=ODD[m - n])
        for m in range(max(1, size // 20_000))
        for n, odd in enumerate(ODD)
    ]
    return beside_good(*made)


@case("times", ".json")
def of_messages(random: Random, size: int) -> bytes:
    made = []
    for n in range(max(2, size // 4000)):
        one = chat(f"t{n}", *(f"I live in Town{k}." for k in range(9)))
        for node in one["mapping"].values():
            node["message"]["create_time"] = random.choice(ODD)
            node["parent"] = None
        made.append(one | {"current_node": None})
    return beside_good(*made)


@case("times", ".json")
def no_numbers(_: Random, size: int) -> bytes:
    raw = b",".join(
        js(chat(f"r{n}", "I live in Ghent.", create_time="@@", update_time="@@")).replace(b'"@@"', number)
        for n, number in enumerate(RAW * max(1, size // 9999))
    )
    return b"[" + raw + b"," + beside_good()[1:]


@case("times", ".json")
def of_versions(_: Random, size: int) -> bytes:
    made = [
        chat("same", f"I live in Town{n}.", update_time=odd)
        for n, odd in enumerate(ODD * max(1, size // 20_000))
    ]
    return beside_good(*made)


@case("times", ".json")
def that_run_backwards(_: Random, size: int) -> bytes:
    return beside_good(
        *(chat(f"b{n}", "I live in Ghent.", "x", update_time=9e8 - n) for n in range(size // 600))
    )
