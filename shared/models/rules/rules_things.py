"""Rules for what the person owns and the tools they use."""

from __future__ import annotations

from shared.english.words import POSSESSIONS
from shared.models.rules.guards import (
    headed_by_none_of,
    is_no_tool,
    is_technical,
    is_transient,
    without_any_of,
)
from shared.models.rules.rule import rule

_SYSTEMS = (
    r"(?:windows|mac ?os|a mac|linux|ubuntu|debian|fedora|arch|nixos|android|ios|an? (?:iphone|android"
    r"|macbook|chromebook|mac|linux)|chromeos|freebsd|mint|pop!_os|opensuse|manjaro|gentoo)"
)

THING_RULES = (
    rule(
        "tool of choice",
        "preferences",
        "my main | my primary | my preferred | my editor | my browser | my operating | my os | my shell "
        "| my ide | my distro | my daily | my text",
        r"my (?:main |primary |preferred |daily |favourite |text )?(?:programming )?(?:language|editor|ide"
        r"|os|operating system|browser|shell|distro|driver|stack|terminal|search engine|database"
        r"|machine) is (?!(?:not|broken|slow|down|stuck|in|on|up|out|showing|set)(?![\w'-]))\S",
        is_transient,
        confidence=0.9,
    ),
    rule(
        "drives",
        "preferences",
        "i drive | i ride | i fly | i sail",
        r"i (?:drive|ride|sail) (?:an?|my|the) (?!(?:hard|lot|bit|few|point|wedge|bus|taxi"
        r"|train)(?![\w'-]))\S",
        is_technical,
        is_transient,
        confidence=0.9,
    ),
    rule(
        "owns",
        "preferences",
        "i own | i bought | i have",
        r"i (?:own|have owned) (?:an?|two|three|four|several|some|the|my|our|\d+|only|no) (?!(?:of"
        r"|the (?:copyright|domain|code))\b)\S",
        is_technical,
        is_transient,
        confidence=0.9,
    ),
    rule(
        "has bought",
        "preferences",
        "i bought | i have",
        r"i (?:have )?bought (?:an?|our|my|the|two|three|\d+) (?=\S)",
        without_any_of(POSSESSIONS, (), 5),
        is_technical,
        is_transient,
        confidence=0.85,
        time="change",
    ),
    rule(
        "has",
        "preferences",
        "i have",
        r"i have (?:an?|two|three|four|my own|several|our own) (?=\S)",
        without_any_of(POSSESSIONS, (), 4),
        is_technical,
        is_transient,
        confidence=0.8,
    ),
    rule(
        "thing owned",
        "preferences",
        "my",
        r"my (?:\w+ )?(?:car|van|bike|bicycle|motorcycle|motorbike|laptop|phone|computer|pc|desktop|guitar"
        r"|piano|violin|cello|camera|watch|tablet|e-reader|truck|boat|house|flat|apartment|printer"
        r"|telescope|keyboard|console|bass|horn|flute) is (?:an? |from \d{4}|called |named )(?!(?:bit"
        r"|little|lot|mess|nightmare|pain|problem|disaster|piece|wreck|joke)(?![\w'-]))\S",
        is_technical,
        is_transient,
        confidence=0.85,
    ),
    rule(
        "uses for",
        "preferences",
        "i use",
        r"i (?:always |mostly )?use [\w.+#' -]{2,60}? (?:for (?:my|all|everything|work|notes|taking|writing"
        r"|coding|editing|email|music|personal)|at work|at home|as my|to (?:track|manage|organi[sz]e"
        r"|plan) my)\b(?! (?:homework|this))",
        is_technical,
        is_transient,
        confidence=0.9,
    ),
    rule(
        "uses",
        "preferences",
        "i use",
        r"i use (?!this|that|it\b|the |a |an |these|those|your|my)(?=\S)",
        is_no_tool,
        is_technical,
        is_transient,
        confidence=0.75,
    ),
    rule(
        "uses as",
        "preferences",
        "i am | i have",
        r"i (?:am|have been) using [\w.+# -]{2,40}? (?:as my|for (?:my (?:notes|photos|emails?|writing"
        r"|finances)|everything|all my|years|\w+ years)|since)\b",
        is_technical,
        is_transient,
        confidence=0.85,
    ),
    rule(
        "system",
        "preferences",
        "i am | i run",
        rf"i (?:am (?:on|using|running)|run) {_SYSTEMS}\b",
        is_technical,
        is_transient,
        confidence=0.85,
    ),
    rule(
        "programs in",
        "preferences",
        "i write | i code | i program | i develop",
        r"i (?:write|code|program|develop|work) (?:mostly |mainly |primarily |only |exclusively "
        r"|almost everything |all my code )?in (?!this|that|the|a |an |my|order|it|case|general|english"
        r"|french)[a-z+#]+",
        is_transient,
        confidence=0.85,
    ),
    rule(
        "is buying",
        "preferences",
        "i am",
        r"i am (?:buying|selling) (?:an?|our|my|the) (?=\S)",
        headed_by_none_of(POSSESSIONS),
        is_technical,
        is_transient,
        confidence=0.75,
    ),
)
