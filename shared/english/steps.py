"""Rules of a matter that goes through stages, written as rows: stage, triggers, pattern."""

from __future__ import annotations

from shared.english.slots import ANY, ClaimRule, Tail

SOON = r"(?:hope|hoping|plan|planning|intend|want|would like|have decided|decided|am going|am about|aim)"
WISH = rf"(?:am |have been )?{SOON} to"
"""`plan to`, `have decided to`, `am going to`"""
ONE = r"(?:an?|the|my|our|this|that|my first|our first|my own|our own|my new|our new)"
MINE = r"(?:the|my|our|this|my first|our first|my own|our own|my new|our new)"


def steps(
    matter: str, *rows: tuple[int, str, str], over: int = 1, near: bool = False
) -> tuple[ClaimRule, ...]:
    """A rule a row. Without group `v` its value is `ANY`. Stages lead on and contradict nothing."""
    return tuple(
        ClaimRule(
            "stage",
            matter,
            triggers,
            pattern,
            value=None if "(?P<v>" in pattern else ANY,
            strength=0,
            resistance=9,
            tail=Tail.FREE,
            stage=stage,
            over=over,
            near=near,
            together=True,
        )
        for stage, triggers, pattern in rows
    )
