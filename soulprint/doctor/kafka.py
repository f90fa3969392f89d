"""Kafka: its topics beside the table of ours, and what it lets this login do."""

from __future__ import annotations

from collections.abc import Mapping

from shared.domain.errors import SoulprintError
from shared.domain.plurals import listed
from shared.log.kafka.rights import LOGINS, Right, rights_of
from shared.settings import Settings
from soulprint.doctor.check import Check, found_if, named

LOOKING = ("Describe", "DescribeConfigs")
"""What changes nothing, and shows no record."""


async def check_kafka(settings: Settings) -> list[Check]:
    """Whether every topic is as it should be, and whose part the login may do; nothing where there is no
    Kafka to look at."""
    if not settings.kafka_bootstrap_servers:
        return []
    from shared.log.kafka.held import held_rights
    from shared.log.kafka.topics import REFUSED
    from soulprint.topics import admin_of, told, topic_drift

    needed = {
        login: {right.prefixed(settings.kafka_prefix) for right in rights_of(login, settings.pipeline)}
        for login in LOGINS
    }
    try:
        drifts = await topic_drift(settings)
        async with admin_of(settings) as admin:
            held = await held_rights(admin, set[Right]().union(*needed.values()))
    except SoulprintError as error:
        return [Check("kafka", False, settings.kafka_bootstrap_servers, str(error))]
    checks = [] if held is None else [check_rights(needed, held)]
    if drifts and all(drift.what == REFUSED for drift in drifts):
        found = f"{len(drifts)} topics, or their configurations, are not this login's to see"
        return [Check("kafka", True, found, "run doctor with the login of ops"), *checks]
    found = "; ".join(told(drift) for drift in drifts) or "every topic is as it should be"
    advice = "run `soulprint topics create`; what differs is for ops to change"
    return [found_if("kafka", not drifts, found, advice), *checks]


def check_rights(needed: Mapping[str, set[Right]], held: set[Right]) -> Check:
    """Whose part a login may do that has these rights."""
    whole = [login for login, rights in needed.items() if rights <= held]
    if len(whole) == len(needed):
        found = "Kafka lets this login do what every service, an app and ops do"
        advice = "where others share it, give each a login of its own: docs/security.md"
        return Check("rights", True, found, advice)
    if whole:
        return Check("rights", True, f"Kafka lets this login do the part of {listed(whole)}")
    if all(right.operation in LOOKING for right in held):
        return Check("rights", True, "Kafka lets this login look, and do nobody's part")
    nearest = min(needed, key=lambda login: len(needed[login] - held) / len(needed[login]))
    lacks = named([str(right) for right in sorted(needed[nearest] - held)])
    found = f"Kafka lets this login do nobody's part; of that of {nearest} it lacks {lacks}"
    advice = f"grant it what `soulprint topics acls {nearest}` prints, if that is whose login it is"
    return Check("rights", False, found, advice)
