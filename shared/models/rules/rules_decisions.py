"""Rules for what the person resolved, gave up or changed."""

from __future__ import annotations

from shared.english.words import POSSESSIONS
from shared.models.rules.guards import is_about_the_answer, is_technical, is_transient, without_any_of
from shared.models.rules.rule import rule

_OBJECT = (is_about_the_answer, is_technical)

DECISION_RULES = (
    rule(
        "decided",
        "decisions",
        "i decided | i have | i chose | i resolved | i am",
        r"i (?:have )?(?:decided|chose|chosen|resolved|vowed|committed|opted"
        r"|agreed)(?: not)? to (?!(?:use (?:a|an|the|this|that)|go with|try (?:this|it|that|again)|ask"
        r"|do (?:this|it|that)|give (?:this|it)|keep (?:this|it)|start (?:over|again|with))\b)\S",
        is_technical,
        time="change",
    ),
    rule(
        "decided on",
        "decisions",
        "i decided | i have",
        r"i (?:have )?(?:decided|opted) (?:against|on|for) ",
        *_OBJECT,
        time="change",
    ),
    rule(
        "decided that",
        "decisions",
        "i decided | i have",
        r"i (?:have )?decided (?:that )?i (?:am|will|do|can) not \S|i (?:have )?decided (?:that )?i (?:am"
        r"|will) \S",
        is_technical,
        time="change",
    ),
    rule(
        "gave up",
        "decisions",
        "i gave | i have | i am | i quit | i ditched",
        r"i (?:have )?(?:gave up|given up|am giving up|quit|quitted|am quitting|ditched|sworn off|swore off"
        r"|cut out|kicked) (?!trying|the app|and|after|because|out)(?:on )?(?:the )?",
        *_OBJECT,
        time="change",
    ),
    rule(
        "stopped",
        "decisions",
        "i stopped | i have",
        r"i (?:have )?stopped (?!\w+ing (?:it|this|that|at|the (?:app|server|service|process))\b)\w+ing\b",
        is_technical,
        time="change",
    ),
    rule(
        "switched",
        "decisions",
        "i switched | i have | i migrated | i changed",
        r"i (?:have )?(?:switched|migrated|converted|changed (?:careers|jobs)|changed my (?:name|diet|major"
        r"|mind about)) ?(?:my \w+ )?(?:over )?(?:(?:from|to|away from) (?!the |this|that|another|using the"
        r"|it\b)(?:an? )?\S.*|$)",
        is_technical,
        time="change",
    ),
    rule(
        "left",
        "decisions",
        "i left | i have | i resigned | i dropped | i retired | i withdrew",
        r"i (?:have )?(?:left (?:my (?:job|husband|wife|church|career|company|position)|the (?:church"
        r"|company|army|navy|party|industry|profession|military|priesthood)|university|college|school"
        r"|teaching|academia|facebook|twitter|instagram)|resigned\b|dropped out(?: of)?|retired (?:from|in"
        r"|at|last|early)|withdrew from)",
        is_technical,
        time="change",
    ),
    rule(
        "cancelled",
        "decisions",
        "i cancelled | i canceled | i have | i sold | i deleted",
        r"i (?:have )?(?:cancell?ed|sold|got rid of|gave away) (?:my|our|the) (?:[\w'-]+ ?){1,4}",
        without_any_of(
            POSSESSIONS
            | {
                "membership",
                "subscription",
                "netflix",
                "spotify",
                "wedding",
                "trip",
                "account",
                "contract",
                "insurance",
                "shares",
                "stocks",
            },
            (),
            8,
        ),
        is_technical,
        time="change",
    ),
    rule(
        "became",
        "decisions",
        "i became | i went | i have | i converted",
        r"i (?:have )?(?:became?|gone|went|converted to) (?:an? )?(?:vegetarian|vegan|pescatarian|sober"
        r"|teetotal|gluten-free|freelance|part-time|keto|dairy-free|self-employed|islam|judaism|buddhism"
        r"|catholicism|christianity)\b",
        time="change",
    ),
    rule(
        "no longer",
        "decisions",
        "i no",
        r"i no longer (?:work|live|eat|drink|smoke|use|own|drive|play|have|teach|study|believe|want|date"
        r"|run|speak|go|buy|watch|write|attend|take)\b ?(?!this|that|it\b|the error|any error)",
        is_technical,
    ),
    rule(
        "not any more",
        "decisions",
        "i do",
        r"i do not (?:eat|drink|smoke|work|live|use|own|drive|play|teach|buy|believe|go|watch|speak"
        r"|take)\b.* (?:anymore|any more|any longer)\b",
        is_technical,
    ),
    rule(
        "never again", "decisions", "i will", r"i will never (?:\w+ )+again\b", is_technical, confidence=0.75
    ),
    rule(
        "made up my mind",
        "decisions",
        "i have | i made",
        r"i (?:have )?made up my mind (?:to|about|that) \S",
        is_technical,
        time="change",
    ),
    rule(
        "resolution",
        "decisions",
        "my new | my resolution",
        r"my (?:new year'?s? )?resolution (?:is|was) \S",
        is_technical,
    ),
    rule(
        "started a habit",
        "decisions",
        "i started | i have | i took",
        r"i (?:have )?(?:started|begun|taken up|took up) (?:intermittent fasting|therapy|running|swimming"
        r"|meditating|journaling|journalling|composting|homeschooling|investing|lifting|yoga|pilates"
        r"|knitting|bouldering|climbing|gardening|fasting|beekeeping|sailing|cycling)\b",
        is_technical,
        time="change",
    ),
    rule(
        "is no longer",
        "decisions",
        "i am",
        r"i am (?:no longer (?:an? )?(?:vegan|vegetarian|married|engaged|religious|working|living|eating"
        r"|drinking|smoking)\b|not going to (?!(?:lie|do|use|say|read|be able|get"
        r"|have)(?![\w'-]))\w+(?= .*\b(?:any ?more|again|after|before|ever)\b))(?! .*\b(?:this|that|it)\b)",
        is_technical,
        is_transient,
        confidence=0.75,
    ),
)
