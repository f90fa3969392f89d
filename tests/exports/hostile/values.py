"""JSON that no vendor writes: deep, wide, doubled, cut off, of one value."""

from __future__ import annotations

from random import Random

from tests.exports.hostile.archives import CHATS, NAME
from tests.exports.hostile.base import GOOD, MIB, beside_good, case, chat, js, letters, thin, zipped

_MESSAGE = b'{"id":"a","author":{"role":"user"},"content":{"content_type":"text","parts":["%b"]}}'
NODE = b'{"message":%b,"parent":null,"children":[]}' % (_MESSAGE % b"I am Ana.")
NODE_IN = b'{"conversation_id":"large","mapping":{"a":{"message":%b}}}' % _MESSAGE


def around(value: bytes) -> bytes:
    """A list with this value between good conversations."""
    return CHATS[:-1] + b"," + value + b"," + CHATS[1:]


@case("json", ".json", MIB)
def deep_lists(_: Random, size: int) -> bytes:
    return around(b"[" * (size // 2) + b"]" * (size // 2))


@case("json", ".json", MIB)
def deep_objects(_: Random, size: int) -> bytes:
    return around(b'{"a":' * (size // 6) + b"1" + b"}" * (size // 6))


@case("json", ".json", MIB)
def deep_from_the_start(_: Random, size: int) -> bytes:
    return b'{"conversations":' + b"[" * size


@case("json", ".json")
def deep_as_the_parser_goes(_: Random, size: int) -> bytes:
    """As deep as the fast parser reads, and one more, where the slow one takes over."""
    values = [b"[" * depth + b"]" * depth for depth in (900, 1022, 1023, 1024, 1025, 2000)]
    return around(b",".join(b'{"mapping":{"x":' + v + b"}}" for v in values * max(1, size // 12_000)))


@case("json", ".json", MIB)
def wide_object(_: Random, size: int) -> bytes:
    return around(b'{"mapping":{' + b",".join(b'"%d":{}' % n for n in range(size // 11)) + b"}}")


@case("json", ".json", 2 * MIB)
def message_of_many_fields(random: Random, size: int) -> bytes:
    fields = {f"field{random.randrange(10**9)}": "two words" for _ in range(size // 30)}
    return beside_good(
        chat("many") | {"mapping": {"a": {"message": {"author": {"role": "user"}, "content": fields}}}}
    )


@case("json", ".json", MIB)
def key_without_end(_: Random, size: int) -> bytes:
    return around(b'{"' + b"k" * size + b'":1}')


@case("json", ".json", MIB)
def keys_doubled(_: Random, size: int) -> bytes:
    return (
        b'{"conversations":'
        + CHATS
        + b',"conversations":[]' * (size // 19)
        + b',"conversations":'
        + CHATS
        + b"}"
    )


@case("json", ".json", MIB)
def mappings_doubled(_: Random, size: int) -> bytes:
    return around(
        b'{"conversation_id":"d",' + b'"mapping":{"a":%b},' % NODE * (size // 150) + b'"mapping":{}}'
    )


@case("json", ".json", MIB)
def numbers(_: Random, size: int) -> bytes:
    odd = (
        b"1" * 4000,
        b"1" * 5000,
        b"1e999",
        b"-1e-999",
        b"NaN",
        b"-Infinity",
        b"0x10",
        b"1_0",
        b"--1",
        b"1.",
        b".5",
        b"00",
    )
    return around(
        b",".join(b'{"mapping":{"a":%b},"create_time":%b}' % (NODE, n) for n in odd * (1 + size // 60_000))
    )


@case("json", ".json", MIB)
def number_without_end(_: Random, size: int) -> bytes:
    return around(b'{"mapping":{},"create_time":' + b"9" * size + b"}")


@case("json", ".json", MIB)
def literal_without_end(_: Random, size: int) -> bytes:
    return CHATS[:-1] + b"," + b"t" * size


@case("json", ".json", MIB)
def backslashes(_: Random, size: int) -> bytes:
    return around(b'"' + b"\\" * (size // 2 * 2) + b'"') + b'"' + b"\\" * size


@case("json", ".json", MIB)
def quotes(_: Random, size: int) -> bytes:
    return CHATS[:-1] + b"," + b'"' * size


@case("json", ".json", MIB)
def brackets_that_do_not_match(random: Random, size: int) -> bytes:
    return CHATS[:-1] + b"," + bytes(random.choice(b"{}[]") for _ in range(size))


@case("json", ".json", MIB)
def commas(_: Random, size: int) -> bytes:
    return CHATS[:-1] + b"," * size + b"]"


@case("json", ".json", MIB)
def white_space(_: Random, size: int) -> bytes:
    return CHATS[:-1] + b"\n \t\r" * (size // 4) + b"," + b" " * size + CHATS[1:] + b" " * size


@case("json", ".zip", 60 * MIB)
def one_string(random: Random, size: int) -> bytes:
    """A conversation just below the cap: its one text."""
    return zipped({NAME: around(NODE_IN % thin(random, b"I keep bees and my name is Ana. ", size))}, 9)


@case("json", ".zip", 60 * MIB)
def one_string_wide_in_memory(random: Random, size: int) -> bytes:
    """One emoji and one lone surrogate: four bytes for each character, and the slow parser."""
    text = b"I keep bees. \\ud800\xf0\x9f\x98\x80" + thin(random, b"word and ", size)
    return zipped({NAME: around(NODE_IN % text)}, 9)


@case("json", ".zip", 60 * MIB)
def one_list_of_lists(random: Random, size: int) -> bytes:
    """Two bytes of the file are sixty in memory."""
    lists = b",".join(b"[]," * 5400 + b'"%b"' % letters(random, 100) for _ in range(size // 16_000))
    return zipped({NAME: around(b'{"mapping":{"a":[' + lists + b"]}}")}, 9)


@case("json", ".zip", 60 * MIB)
def one_list_of_objects(random: Random, size: int) -> bytes:
    lists = b",".join(b'{"a":{}},' * 1800 + b'"%b"' % letters(random, 100) for _ in range(size // 16_000))
    return zipped({NAME: around(b'{"chat_messages":[],"mapping":{"a":[' + lists + b"]}}")}, 9)


@case("json", ".zip", 60 * MIB)
def escapes_only(random: Random, size: int) -> bytes:
    return zipped({NAME: around(NODE_IN % thin(random, b"\\u00e9", size))}, 9)


@case("json", ".zip", 70 * MIB)
def one_value_over_the_cap(random: Random, size: int) -> bytes:
    return zipped({NAME: around(b'["' + thin(random, b"a", size) + b'"]')}, 9)


@case("json", ".json")
def surrogates(_: Random, size: int) -> bytes:
    odd = (
        b"\\ud800\\ud800\\udc00\\udc00\\ud83d \\udc68\\u0000\\u0001\\u001b[31m"
        b"\\u202e\\ufffe\\uffff\xed\xa0\x80\xff\xfe"
    )
    return around(NODE_IN % (b"I am Ana. " + odd * (size // len(odd))))


@case("json", ".json")
def raw_controls(_: Random, size: int) -> bytes:
    return around(NODE_IN % (b"I am Ana. " + bytes(range(1, 32)) * (size // 31)))


@case("json", ".json")
def invalid_utf8(random: Random, size: int) -> bytes:
    return around(NODE_IN % random.randbytes(size).replace(b'"', b"").replace(b"\\", b""))


@case("json", ".json")
def mark_of_utf16(_: Random, size: int) -> bytes:
    return js(GOOD * max(1, size // 1000)).decode().encode("utf-16")


@case("json", ".json")
def utf16_without_a_mark(_: Random, size: int) -> bytes:
    return js(GOOD * max(1, size // 1000)).decode().encode("utf-16-le")


@case("json", ".json")
def utf32(_: Random, size: int) -> bytes:
    return js(GOOD * max(1, size // 1000)).decode().encode("utf-32")


@case("json", ".json")
def marks_of_utf8(_: Random, size: int) -> bytes:
    return b"\xef\xbb\xbf" * (size // 3) + CHATS


@case("json", ".json", MIB)
def cut(random: Random, size: int) -> bytes:
    whole = js(GOOD * max(2, size // 700))
    return whole[: random.randrange(len(whole) // 2, len(whole))]


@case("json", ".json", MIB)
def objects_on_one_line(_: Random, size: int) -> bytes:
    """One behind the other, without a comma, a list or a line end."""
    return js(GOOD[0]) + b' {"a":1}' * (size // 8)


@case("json", ".json", MIB)
def numbers_on_one_line(_: Random, size: int) -> bytes:
    return js(GOOD[0]) + b" 1" * (size // 2)


@case("json", ".jsonl", MIB)
def lines_of_one_byte(_: Random, size: int) -> bytes:
    return js(GOOD[0]) + b"\n" + b"1\n" * (size // 2)


@case("json", ".jsonl", MIB)
def line_ends_of_old(_: Random, size: int) -> bytes:
    return js(GOOD[0]) + (b"\r" + js(chat("c", "I am Ana."))) * (size // 400)


@case("json", ".jsonl", 2 * MIB)
def line_without_end(_: Random, size: int) -> bytes:
    return js(GOOD[0]) + b"\n" + b'{"a":"' + b"x" * size


@case("json", ".json", MIB)
def lists_in_a_row(_: Random, size: int) -> bytes:
    return CHATS + b"[]" * (size // 2)


@case("json", ".json", MIB)
def wrapped_again(_: Random, size: int) -> bytes:
    return b'{"conversations":{"conversations":' * 40 + CHATS + b"}" * 80 + b" " * size


@case("json", ".json", MIB)
def much_before_the_list(_: Random, size: int) -> bytes:
    return b'{"a":"' + b"x" * size + b'","b":' + b"[" * 500 + b"]" * 500 + b',"conversations":' + CHATS + b"}"


@case("json", ".json", MIB)
def beginnings_that_mislead(_: Random, size: int) -> bytes:
    """Every value holds what looks like the beginning of the next."""
    fake = b'},{"title":"x","create_time":1,'
    value = (
        b'{"title":"t","create_time":1,"x":['
        + (b'{"title":"x","create_time":1},' * 30)[:-1]
        + b'],"mapping":{}}'
    )
    return (
        b"["
        + value
        + (b"," + value[:-1] + b',"z":"' + fake.replace(b'"', b'\\"') * 20 + b'"}') * (size // 1700)
        + b"]"
    )


@case("json", ".json", MIB)
def white_space_in_beginnings(_: Random, size: int) -> bytes:
    return b"[" + b",".join([b'{"a":' + b" " * 2000 + b'1,"b":{}}'] * (size // 2020)) + b"," + CHATS[1:]


@case("json", ".json")
def wrong_types(random: Random, size: int) -> bytes:
    odd: list[object] = [None, True, -1, 1e300, "", "x" * 300, [], {}, [[]], {"a": {}}, "\ud800", 10**300]
    made = []
    for number in range(max(4, size // 500)):
        one = chat(f"w{number}", "I am Ana.", "Hi.")
        one[random.choice(list(one))] = random.choice(odd)
        node = chat(f"v{number}", "I am Bo.")
        holder = node["mapping"][f"v{number}-0"]
        if random.random() < 0.5:
            holder = holder["message"]
        holder[random.choice(list(holder))] = random.choice(odd)
        made += [one, node]
    return beside_good(*made)
