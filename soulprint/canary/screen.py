"""What `soulprint canary show` shows: the step, the lanes side by side, what is missing, the last changes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.router.judging.comparison import LaneFigures, lane_figures
from services.router.judging.steps import Standing
from services.router.judging.verdict import Verdict
from services.router.judging.words import share_of, span
from shared.domain.plurals import counted
from shared.domain.printable import unbroken
from shared.pipelines import V1
from shared.store.routing import SHARE_WHOLE, InFlight, Override, Policy, PolicyVersion
from soulprint.canary.bars import Paint, bar, legend, parts_of, plain
from soulprint.canary.tables import LABEL, NARROWEST, ROOMY, WIDEST, lanes_table
from soulprint.canary.wording import told_version, who, why
from soulprint.naming import Names, called
from soulprint.wording import at

INDENT = "  "
OVERRIDES_SHOWN = 5
_COLOURS = {"pass": "green", "hold": "yellow", "inconclusive": "yellow", "rollback": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is shown."""

    policy: Policy
    served: str
    """The pipeline that the share is of."""
    verdict: Verdict
    standing: Standing
    history: Sequence[PolicyVersion]
    """The newest first; the last is there to tell the one before it from."""
    overrides: Sequence[Override]
    in_flight: Sequence[InFlight]
    names: Names


def screen(seen: Seen, width: int, paint: Paint = plain) -> list[str]:
    """Lines of at most `width` characters, of which 60 to 120 are used."""
    width = max(NARROWEST, min(WIDEST, width))
    policy = seen.policy
    lines = [*_title(seen, width, paint), *_wrapped(_flags(policy), width, "")]
    lanes = list(seen.verdict.lanes)
    if all(each.lane != seen.served for each in lanes):
        lanes.append(lane_figures(seen.served, ()))
    lines += ["", *lanes_table(lanes, width)]
    for each in lanes:
        lines += _bar(each, width, paint)
    kind = seen.verdict.kind
    lines += ["", *_painted(_wrapped(seen.verdict.sentence, width, ""), _COLOURS[kind], paint)]
    if seen.standing.missing:
        lines += ["missing for the next step:"]
        lines += [
            line
            for each in seen.standing.missing
            for line in _wrapped(f"- {each}", width, INDENT, INDENT * 2)
        ]
    by = " (the router does it)" if seen.standing.promote else ""
    lines += _wrapped(f"next: {seen.standing.next.sentence}{by}", width, "")
    lines += ["", *_wrapped(f"in flight: {_flight(seen.in_flight)}", width, "")]
    lines += _wrapped(f"overrides: {_overrides(seen.overrides, seen.names)}", width, "")
    lines += ["last changes:"]
    older = [*seen.history[1:], None]
    shown = list(zip(seen.history, older, strict=True))
    for version, was in shown[: max(1, len(shown) - 1)]:
        lines += _wrapped(told_version(version, was), width, INDENT, INDENT * 2)
    return lines


def _title(seen: Seen, width: int, paint: Paint) -> list[str]:
    policy, step = seen.policy, seen.standing.step
    if policy.frozen:
        head = f"rolled back: every import goes to {V1}"
        colour = "red"
    elif policy.passthrough:
        head, colour = f"passthrough: every import goes to {V1}", "yellow"
    elif policy.share == SHARE_WHOLE:
        head, colour = f"all users go to {seen.served}", "green"
    else:
        head = f"{share_of(policy.share)} of users go to {seen.served}, the others to {V1}"
        colour = "cyan"
    if policy.frozen and not policy.passthrough and policy.share:
        head = (
            f"frozen by hand: {share_of(policy.share)} of users still go to {seen.served}: `canary rollback`"
        )
    of = f" of {span(step.lasts_seconds)}" if step.lasts_seconds else ""
    lasted = f"step: {step.name}, for {span(seen.standing.lasted_seconds)}{of}, since {at(policy.entered_at)}"
    return [*_painted(_wrapped(head, width, ""), colour, paint), *_wrapped(lasted, width, "")]


def _flags(policy: Policy) -> str:
    flags = [f"policy {policy.version}", f"mode {policy.mode}", f"shadow {share_of(policy.shadow)}"]
    if policy.passthrough:
        flags.append("passthrough on")
    if policy.frozen:
        flags.append(f"frozen by {who(policy)}: {why(policy)}")
    if policy.deprecated_at:
        end = f", ends {policy.sunset_at:%Y-%m-%d}" if policy.sunset_at else ""
        flags.append(f"/process-full deprecated since {policy.deprecated_at:%Y-%m-%d}{end}")
    if policy.thresholds:
        flags.append(f"{counted(len(policy.thresholds), 'threshold')} of its own")
    return "; ".join(flags)


def _bar(lane: LaneFigures, width: int, paint: Paint) -> list[str]:
    counts = parts_of(lane)
    size = 30 if width >= ROOMY else 20
    words = legend(counts)
    left = f" ({lane.left_out:,} not counted)" if lane.left_out else ""
    if LABEL + size + 1 + len(words) + len(left) > width:
        return [f"{unbroken(lane.lane):<{LABEL}}{bar(counts, size, paint)}", *_wrapped(words + left, width)]
    return [f"{unbroken(lane.lane):<{LABEL}}{bar(counts, size, paint)} {words}{left}"]


def _flight(rows: Iterable[InFlight]) -> str:
    told = [f"{each.lane} {each.runs:,}{'' if each.kind == 'primary' else f' {each.kind}'}" for each in rows]
    return ", ".join(told) or "nothing"


def _overrides(overrides: Sequence[Override], names: Names) -> str:
    told = [
        f"{called(names, each.user_id)} {each.lane}{f' until {at(each.until)}' if each.until else ''}"
        for each in overrides[:OVERRIDES_SHOWN]
    ]
    rest = len(overrides) - len(told)
    return "; ".join(told) + (f"; {rest:,} more" if rest else "") or "none"


def _wrapped(text: str, width: int, first: str = INDENT, others: str = INDENT) -> list[str]:
    return textwrap.wrap(
        unbroken(text), width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False
    )


def _painted(lines: Iterable[str], colour: str, paint: Paint) -> list[str]:
    return [paint(line, colour) for line in lines]
