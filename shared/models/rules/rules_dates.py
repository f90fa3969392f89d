"""Rules for days: birthdays, anniversaries, appointments and plans bound to a day or a period."""

from __future__ import annotations

from shared.english.words import EVENTS, KIN, PETS
from shared.models.rules.guards import is_passing_hour, is_technical, is_undated
from shared.models.rules.rule import rule

_BEGIN = (
    r"(?:is|are|was|starts?|leaves?|begins?|takes place|ends?|expires|falls|got moved to|will be|lands"
    r"|departs|arrives)"
)

DATE_RULES = (
    rule("born on", "dates", "i was", r"i was born ", is_undated, confidence=0.95, time="event"),
    rule(
        "event",
        "dates",
        "my",
        rf"my (?:(?:[\w-]+ ){{0,2}}(?:{KIN}|{PETS})(?:'s|s'|s)? )?(?:[\w-]+ ){{0,3}}?{EVENTS}(?: (?:to|with"
        rf"|at|in|for) (?:[\w'-]++ ?){{1,4}})? {_BEGIN} (?!(?:when|a|an)(?![\w'-]))\S",
        is_undated,
        is_passing_hour,
        is_technical,
        confidence=0.9,
        time="event",
    ),
    rule(
        "has an event",
        "dates",
        "i have",
        rf"i have (?:a|an|my|our|two|three) (?:[\w'-]+ ){{0,3}}?{EVENTS}\b",
        is_undated,
        is_passing_hour,
        is_technical,
        confidence=0.85,
        time="event",
    ),
    rule(
        "travels",
        "dates",
        "i am | i fly | i leave | i will",
        r"i (?:am|will be|fly|leave|will)(?: (?:flying|going|travell?ing|leaving|driving|sailing|heading"
        r"|fly|travel|visiting|off))?(?: out| back| home| away)? (?:to|for|visiting) \S",
        is_undated,
        is_passing_hour,
        is_technical,
        confidence=0.85,
        time="event",
    ),
    rule(
        "visits",
        "dates",
        "i am | i will",
        r"i (?:am|will be) (?:visiting|starting|graduating|retiring|marrying|hosting|running|defending"
        r"|celebrating|turning|taking my|taking the) \S",
        is_undated,
        is_passing_hour,
        is_technical,
        confidence=0.85,
        time="event",
    ),
    rule(
        "marries",
        "dates",
        "i am | i got | i get | i married",
        r"i (?:am getting|got|get|am being|are getting) (?:married|engaged)\b|i married \S",
        is_undated,
        confidence=0.9,
        time="event",
    ),
    rule(
        "starts on",
        "dates",
        "i start | i begin | i graduate | i retire | i finish | i turn | i move",
        r"i (?:start|begin|graduate|retire|finish|turn|move)\b",
        is_undated,
        is_passing_hour,
        is_technical,
        confidence=0.85,
        time="event",
    ),
    rule(
        "expects",
        "dates",
        "i am | my",
        rf"(?:i am|my {KIN} and i (?:am|are)|my {KIN} is) (?:expecting|due)\b",
        is_undated,
        is_passing_hour,
        confidence=0.9,
        time="event",
    ),
    rule(
        "plan",
        "dates",
        "i plan | i am | i intend | i want | my goal | my plan | my dream",
        r"(?:i (?:plan|intend|am planning|am going|am hoping|am aiming) to|my (?:\w+ )?(?:goal"
        r"|plan) is to) (?!(?:use|make this|do this|go with|ask)(?![\w'-]))\S",
        is_undated,
        is_passing_hour,
        is_technical,
        confidence=0.8,
        time="event",
    ),
    rule(
        "family day",
        "dates",
        "my",
        rf"my (?:[\w-]+ ){{0,2}}?{KIN},? ?(?:[\w'-]+,? (?:and [\w'-]+,? )?)?(?:turns?|starts?|graduates?"
        rf"|is (?:starting|turning|graduating|getting married|marrying)|are (?:starting|getting married)"
        rf"|was born)\b",
        is_undated,
        is_passing_hour,
        confidence=0.85,
        time="event",
    ),
    rule(
        "is somewhere on a day",
        "dates",
        "i am",
        r"i am (?:(?:singing|playing|performing|speaking|presenting|giving|racing|showing|exhibiting"
        r"|attending|sitting|meeting|in|at) )\S.*(?=\S)",
        is_undated,
        is_passing_hour,
        is_technical,
        confidence=0.75,
        time="event",
    ),
    rule(
        "was married",
        "dates",
        "i was | i were | i met",
        r"i (?:(?:was|were) married|met my (?:wife|husband|partner)) \S",
        confidence=0.9,
        time="event",
    ),
)
