"""What moves the policy: each verb is what it changes, and what it says."""

from __future__ import annotations

from typing import Literal

from services.router.judging.thresholds import thresholds_of
from services.router.judging.words import share_of
from shared.domain.plurals import listed, plural
from shared.pipelines import V1
from shared.settings import load_settings
from shared.store.routing import SHARE_WHOLE, Policy
from soulprint.asked import Asked
from soulprint.canary.changing import change_command
from soulprint.canary.shares import share_in

STAYS = "Imports under way stay in their lane."
AFTER_THAW = "an override and a request for a pipeline hold again"


def set_command(share: str, asked: Asked) -> int:
    """Move the share of users whose imports go to the pipeline that is served."""
    wanted, served = share_in(share), load_settings().pipeline

    def told(before: Policy, after: Policy) -> list[str]:
        found = [
            f"{share_of(after.share)} of users go to {served} now, {share_of(before.share)} did before "
            f"(policy {after.version}). {STAYS}"
        ]
        if after.passthrough:
            found.append(f"Passthrough is on and outranks it: every import goes to {V1}.")
        elif after.share < before.share:
            moved = share_of(before.share - after.share)
            found.append(f"That is less: {moved} of users go back to {V1} with their next import.")
        else:
            found += skipped(before, after)
        return found

    return change_command(lambda _: {"share": wanted}, told, asked)


def skipped(before: Policy, after: Policy) -> list[str]:
    """What is said of steps that were left out."""
    steps = thresholds_of(after.thresholds)[0].shares
    left_out = [share_of(each) for each in steps if before.share < each < after.share]
    if not left_out:
        return []
    return [f"That leaves out the {plural(len(left_out), 'step', 'steps')} of {listed(left_out)}."]


def shadow_command(share: str, asked: Asked) -> int:
    """Move the share of users beside whose v1 runs a shadow run is made."""
    wanted, served = share_in(share), load_settings().pipeline

    def told(before: Policy, after: Policy) -> list[str]:
        found = [
            f"Beside the {V1} runs of {share_of(after.shadow)} of users {served} makes a shadow run now, "
            f"{share_of(before.shadow)} before (policy {after.version}). It serves nothing."
        ]
        if after.shadow and after.share == SHARE_WHOLE:
            found.append(f"The share is 100 %: hardly any run goes to {V1}, so there is little to compare.")
        return found

    return change_command(lambda _: {"shadow": wanted}, told, asked)


def mode_command(mode: Literal["manual", "auto"], asked: Asked) -> int:
    """Say who takes the next step: ops, or the router."""
    does = {
        "auto": "The router takes the next step by itself, after the step's time and a pass at every check",
        "manual": "Each next step is yours; the router says when it is allowed",
    }

    def told(_: Policy, after: Policy) -> list[str]:
        return [f"{does[after.mode]} (policy {after.version}). It rolls back by itself in either mode."]

    return change_command(lambda _: {"mode": mode}, told, asked)


def thaw_command(asked: Asked) -> int:
    """Let the policy be changed again after a rollback."""

    def told(_: Policy, after: Policy) -> list[str]:
        return [
            f"Thawed: the policy can be changed again, and passthrough is off (policy {after.version}). "
            f"The share is {share_of(after.share)}, the shadow's {share_of(after.shadow)}; {AFTER_THAW}."
        ]

    return change_command(lambda p: {"frozen": False, "passthrough": False} if p.frozen else {}, told, asked)


def passthrough_command(to: Literal["on", "off"], asked: Asked) -> int:
    """Send every import to v1, whatever else is said; or no longer."""

    def told(_: Policy, after: Policy) -> list[str]:
        if after.passthrough:
            return [
                f"Every import goes to {V1} now, also of users with an override, and what was asked of "
                f"another pipeline (policy {after.version}). {STAYS}"
            ]
        return [
            f"Passthrough is off (policy {after.version}): {share_of(after.share)} of users go to "
            f"{load_settings().pipeline}, and {AFTER_THAW}."
        ]

    return change_command(lambda _: {"passthrough": to == "on"}, told, asked)
