"""`soulprint topics acls`: what each login needs on a Kafka that asks, as commands of Kafka's own tool.

Several logins may be one to Kafka: then `--principal` has no place for a name.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from shared.domain.errors import UsageError
from shared.log.kafka.rights import LOGINS, Right, rights_of
from shared.settings import Settings, load_settings
from soulprint.terminal import say, say_json

PLACE = "{}"
"""Stands for a login's name in what Kafka calls it."""
ADDRESS = "localhost:9092"
OF_ADMIN = "admin.properties"
"""Holds the login of who may grant rights, in Kafka's own form."""


def acls_command(logins: Sequence[str], principal: str, *, as_json: bool) -> None:
    """Print what grants these logins, or all, what they need. Asks no Kafka. Raises UsageError."""
    if unknown := [each for each in logins if each not in LOGINS]:
        raise UsageError(f"there is no login {unknown[0]}; there are {', '.join(LOGINS)}")
    settings = load_settings()
    needed = rights_in(settings, logins or LOGINS)
    named = {login: principal.replace(PLACE, login) for login in needed}
    if as_json:
        say_json(
            [
                {"login": login, "principal": named[login], **right._asdict()}
                for login, rights in needed.items()
                for right in rights
            ],
            indent=True,
        )
        return
    address = settings.kafka_bootstrap_servers or ADDRESS
    for login, rights in needed.items():
        say(f"# {login}", *commands(named[login], rights, address))


def rights_in(settings: Settings, logins: Iterable[str]) -> Mapping[str, Sequence[Right]]:
    """What each of these logins needs in the deployment of these settings, in order."""
    prefix = settings.kafka_prefix
    return {
        login: sorted(right.prefixed(prefix) for right in rights_of(login, settings.pipeline))
        for login in logins
    }


def commands(principal: str, rights: Iterable[Right], address: str) -> list[str]:
    """A command for each operation. Safe to repeat."""
    by_operation: dict[str, list[Right]] = {}
    for right in rights:
        by_operation.setdefault(right.operation, []).append(right)
    tool = ["kafka-acls.sh", "--bootstrap-server", address, "--command-config", OF_ADMIN]
    granting = [*tool, "--add", "--allow-principal", principal]
    return [
        shlex.join([*granting, "--operation", operation, *(word for each in found for word in _on(each))])
        for operation, found in by_operation.items()
    ]


def _on(right: Right) -> tuple[str, str]:
    return f"--{right.kind}", right.name
