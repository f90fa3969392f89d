"""Rules for tastes and habits."""

from __future__ import annotations

from shared.english.words import ACTIVITIES, FREQUENCY, PETS
from shared.models.rules.guards import (
    is_about_the_answer,
    is_technical,
    is_transient,
    without_any_of,
)
from shared.models.rules.rule import rule

_HABITS = (
    r"(?:use|drink|eat|wake|get up|go|run|walk|work|cook|read|write|wear|buy|take|start|play|train|meditate"
    r"|sleep|listen|watch|commute|cycle|bike|drive|swim|travel|shop|bake|skip|have (?:breakfast|lunch"
    r"|dinner|coffee|tea|porridge|oatmeal)|carry|keep|pay|vote|fast|pray|knit|garden|fish|hike|order|avoid"
    r"|celebrate|spend|code|program|jog|stretch|journal|visit|paint|bring|make my|smoke|fly|order)"
)
_NOT_HABIT = r"(?!(?:this|that|it|these|the (?:same|following)|into|wrong|back|out of|up with)(?![\w'-]))"

TASTE_RULES = (
    rule(
        "favourite",
        "preferences",
        "my favourite | my all-time | my top",
        r"my (?:all-time |absolute |top |least )?favourite (?!part of (?:this|the|your)|(?:one|line|version"
        r"|option|bit)\b)(?:[\w'-]+ ){1,6}?(?:is|are|was|has always been) (?!(?:this|that|it|the (?:first"
        r"|second|third|last|one)|option|number|when)(?![\w'-]))\S",
        is_technical,
        confidence=0.95,
    ),
    rule(
        "go-to",
        "preferences",
        "my go-to | my usual | my hobby | my hobbies | my passion | my main | my biggest | my guilty "
        "| my comfort",
        r"my (?:go-to|usual|main|biggest|guilty|comfort|favourite) ?(?:[\w'-]+ ){0,3}?(?:hobby|hobbies"
        r"|passion|pleasure|food|breakfast|lunch|dinner|drink|order|coffee|recipe|meal|snack"
        r"|restaurant) (?:is|are) \S|my (?:hobby|hobbies|passion) (?:is|are|include) \S",
        is_technical,
        is_transient,
        confidence=0.9,
    ),
    rule(
        "loves",
        "preferences",
        "i love | i adore | i enjoy | i hate | i loathe | i detest | i despise | i dislike | i always "
        "| i have | i like | i prefer",
        r"i (?:have )?(?:always |never |much |actually |generally |usually |also )?(?:loved?|adored?"
        r"|enjoy(?:ed)?|hated?|loathed?|detested?|despised?|disliked?|liked?|preferred|prefer)(?: to)? ",
        is_about_the_answer,
        is_technical,
        is_transient,
        confidence=0.85,
    ),
    rule(
        "cannot stand",
        "preferences",
        "i can",
        r"i can not (?:stand|bear|abide) ",
        is_about_the_answer,
        is_technical,
        is_transient,
        confidence=0.9,
    ),
    rule(
        "dislikes",
        "preferences",
        "i do | i never",
        r"i (?:do not|never) (?:much |particularly |usually )?(?:like|enjoy|care for) ",
        is_about_the_answer,
        is_technical,
        is_transient,
        confidence=0.8,
    ),
    rule(
        "does not take",
        "preferences",
        "i do | i never | i have | i avoid",
        r"i (?:do not|never|do not ever|have never) (?:eat|drink|smoke|own|drive|wear|watch|cook|use|touch"
        r"|have a|have an|vote|buy|fly) ?(?:any |much )?(?!(?:time|idea|clue|good|question|problem|problems"
        r"|account|access|option|options|way|issue|preference|budget|lot|strong|specific|for|it|this|that"
        r"|these|the)\b)(?!.*\b(?:anymore|any more|any longer)\b)",
        is_technical,
        is_transient,
        confidence=0.85,
    ),
    rule(
        "avoids",
        "preferences",
        "i avoid",
        r"i avoid ",
        is_about_the_answer,
        is_technical,
        is_transient,
        confidence=0.8,
    ),
    rule(
        "fan of",
        "preferences",
        "i am",
        r"i am (?:not )?(?:a |an )?(?:a |an |big |huge |massive |great |lifelong |avid |long-time "
        r"|die-hard )*(?:fan of|into|obsessed with|fond of|keen on|passionate about|addicted to|crazy about"
        r"|lover of|collector of|reader of) (?:the )?",
        is_about_the_answer,
        is_technical,
        is_transient,
        confidence=0.85,
    ),
    rule(
        "collects",
        "preferences",
        "i collect",
        r"i collect (?!(?:data|my|the|it|this|them|user|all|feedback|some|information|samples)(?![\w'-]))\S",
        is_technical,
        is_transient,
        confidence=0.9,
    ),
    rule(
        "plays",
        "preferences",
        "i play | i have | i sing",
        r"i (?:play|have (?:been playing|played)|sing) (?:the |in (?:a|an) |(?:\w+ )?)?(?=\S)",
        without_any_of(ACTIVITIES | {"choir", "band", "orchestra"}, (), 5),
        is_technical,
        is_transient,
        confidence=0.85,
    ),
    rule(
        "always does",
        "preferences",
        "i always | i usually | i never | i often | i normally | i typically | i generally | i only "
        "| i rarely | i tend | i sometimes",
        rf"i (?:always|usually|never|often|normally|typically|generally|only|rarely|tend to"
        rf"|sometimes) (?:only |also )?{_HABITS}\b {_NOT_HABIT}",
        is_technical,
        is_transient,
        confidence=0.85,
    ),
    rule(
        "often does",
        "preferences",
        "i always | i usually | i never | i often | i normally",
        rf"i (?:always|usually|never|often|normally) {_HABITS}\s*$",
        is_transient,
        confidence=0.8,
    ),
    rule(
        "does regularly",
        "preferences",
        "i",
        rf"i (?!am |was |will |would |have (?!breakfast|lunch|dinner|coffee|tea|porridge|oatmeal|a glass)"
        rf"|need |want |get (?:an|the|this|errors)|could |might |may |should |can |do not |did |tried |had "
        rf"|think |got |was |went |saw |lost |found |forgot |started |stopped |made |used |asked "
        rf"|must )[a-z]+ (?:[^,]{{1,60}} )?{FREQUENCY}(?![\w'])",
        is_technical,
        is_transient,
        confidence=0.8,
    ),
    rule(
        "commutes",
        "preferences",
        "i cycle | i walk | i bike | i drive | i commute | i take",
        r"i (?:cycle|walk|bike|drive|commute|take the (?:bus|train|metro|tram|ferry)) to (?:work|school"
        r"|the office|campus)\b",
        is_transient,
        confidence=0.85,
    ),
    rule(
        "instrument or hobby",
        "preferences",
        "i do | i practice | i practise | i bake | i knit | i garden | i paint | i brew | i sew | i keep",
        rf"i (?:do|practi[cs]e) (?:yoga|pilates|karate|judo|tai chi|crossfit|aikido|jiu-?jitsu|bjj|ballet"
        rf"|archery|calligraphy|taekwondo|kendo|fencing)\b|i keep (?:bees|{PETS})\b",
        is_transient,
        confidence=0.85,
    ),
    rule(
        "rather not",
        "preferences",
        "i would",
        r"i would rather (?:not )?(?:use|avoid|eat|travel|read|work|walk)\b ?",
        is_about_the_answer,
        is_technical,
        is_transient,
        confidence=0.7,
    ),
    rule(
        "is my favourite",
        "preferences",
        "*",
        r"(?=.{2,60} my favourite)(?!(?:this|that|it|these|those|which|what|the (?:first|second|third"
        r"|last))(?![\w'-]))[\w' -]{2,60} (?:is|are) my (?:all-time )?favourite (?!part|one|version|so"
        r"|of)[\w-]+",
        is_technical,
        confidence=0.85,
    ),
    rule(
        "joined",
        "preferences",
        "i joined | i have",
        r"i (?:have )?joined (?:a|an|the|my|our) (?:[\w-]+ ){0,3}?(?:choir|club|band|orchestra|gym|league"
        r"|team|gang|group|society|union|party|church|class|co-?op|cooperative)(?![\w-])",
        is_technical,
        time="change",
    ),
    rule("sings", "preferences", "i sing", r"i sing (?:soprano|alto|tenor|bass|baritone|mezzo)\b"),
    rule(
        "eats or drinks",
        "preferences",
        "i eat | i drink",
        r"i (?:eat|drink) (?!(?:it|this|that|them|too|so|when|if|what|like|up|out)(?![\w'-]))\S",
        is_transient,
        is_technical,
        confidence=0.75,
    ),
)
