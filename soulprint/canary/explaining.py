"""`soulprint canary explain`: where users' next imports would go, and why. Nothing is recorded."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO
from uuid import UUID

from services.router.judging.words import share_of
from shared.domain.errors import UsageError
from shared.domain.ids import user_id_for
from shared.pipelines import V1
from shared.settings import load_settings
from shared.store.routing import Explained, Policy
from soulprint.blocks import block
from soulprint.canary.reached import policy_store
from soulprint.naming import Names, called, names_of, typed_name
from soulprint.terminal import say, say_json

STDIN = "-"
AT_ONCE = 500
"""So many users are asked about in one call: they are answered from one policy."""
LONGEST_LINE = 4096


def explain_command(users: Sequence[str], *, as_json: bool) -> None:
    """Print a line of JSON a user, or a block for people. `-`: users are lines of standard input."""
    if STDIN in users and len(users) > 1:
        raise UsageError("- stands for all users: they come one a line from standard input, none beside it")
    piped = list(users) == [STDIN]
    if piped:
        asyncio.run(_explain(lines_of(sys.stdin.buffer), {}, as_json=True))
        return
    typed = {user_id_for(user): typed_name(user) for user in users}
    asyncio.run(_explain(map(user_id_for, users), typed, as_json=as_json))


def lines_of(stream: BinaryIO) -> Iterator[UUID]:
    """The users of a stream, one a line. Raises UsageError, naming the line."""
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise UsageError(f"standard input, line {number}: longer than {LONGEST_LINE:,} bytes is no user")
        try:
            if name := line.decode("utf-8").strip():
                yield user_id_for(name)
        except UnicodeDecodeError:
            raise UsageError(f"standard input, line {number}: not UTF-8") from None


async def _explain(users: Iterable[UUID], typed: Names, *, as_json: bool) -> None:
    settings, users = load_settings(), iter(users)
    async with policy_store(settings) as store:
        while some := list(islice(users, AT_ONCE)):
            found = await store.explain_routing(some, settings.pipeline)
            if as_json:
                say_json(*map(_line, found))
                continue
            policy, names = await store.read_policy(), {**typed, **await names_of(store, some)}
            say(*(told(each, policy, names) for each in found))


def _line(each: Explained) -> dict[str, Any]:
    return each.model_dump(include={"user_id", "bucket", "lane", "reason"})


def told(each: Explained, policy: Policy, names: Names) -> str:
    """For people: a block."""
    inside = "below" if each.bucket < policy.share else "not below"
    why = {
        "passthrough": "passthrough is on, every import goes there",
        "override": "it is said of this user",
        "explicit": "it was asked for",
        "share": f"place {each.bucket:,} of 10,000 is {inside} the share, {share_of(policy.share)}",
    }[each.reason]
    name = called(names, each.user_id)
    return block(
        f"{name}: {each.lane}",
        "" if name == str(each.user_id) else str(each.user_id),
        f"by {each.reason}: {why}",
        f"a shadow run beside the {V1} run" if each.shadow else "",
    )
