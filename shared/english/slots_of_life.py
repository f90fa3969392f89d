"""Slots of a life: name, age, home, work, study, people, animals, car."""

from __future__ import annotations

from collections.abc import Callable

from shared.english import names
from shared.english.slots import PARTS, TOUGH, ClaimRule, Tail


def _place(value: str) -> bool:
    return value not in names.NO_PLACE and value not in names.TOOLS and value not in names.COUNTRIES


def _country(value: str) -> bool:
    return value in names.COUNTRIES


def _occupation(value: str) -> bool:
    return value.rsplit(" ", 1)[-1] in names.OCCUPATIONS


def _age(value: str) -> bool:
    return 5 <= int(value) <= 120


def _residence(matter: str, accepts: Callable[[str], bool]) -> list[ClaimRule]:
    lives = (
        r"I (?:am |have been |have )?(?:lives?|living|based|residing|resides?|settled) in (?P<v><PLACE>)<END>"
    )
    now = (
        r"I am in (?P<v><PLACE>)(?:,? (?:and )?(?:not|no longer|instead of) (?:in )?(?P<left><PLACE>)"
        r"(?: any ?more)?)?$"
    )
    moved = (
        r"I (?:have |has )?(?:moved|relocated)(?: back| over| house)?(?: from "
        r"(?P<left><PLACE>))? to (?P<v><PLACE>)<END>"
    )
    gone = (
        r"I (?:(?:am )?no longer (?:lives? |am living |living |based )?in|(?:do|does) not lives? in|am not "
        r"(?:living |based )?in(?= .* any ?more)|moved (?:away from|out of)) (?P<v><PLACE>)<END>"
    )
    return [
        ClaimRule(
            "live",
            matter,
            "live lives living based residing reside resides settled",
            lives,
            accepts,
            tail=Tail.FREE,
            stage=3,
            together=True,
        ),
        ClaimRule("move", matter, "moved relocated", moved, accepts, tail=Tail.FREE, stage=3),
        ClaimRule(
            "gone",
            matter,
            "live lives living moved not longer",
            gone,
            accepts,
            negates=True,
            strength=TOUGH,
            together=True,
        ),
        ClaimRule("now", matter, "in", now, accepts, stage=3, together=True),
    ]


_WORK = "(?:works?|am working|started working|started|am employed|is employed|have worked|have been working)"
_KIN = "son|daughter|child|baby|brother|sister|mother|mom|mum|father|dad|grandson|granddaughter|stepson"
_PETS = (
    "dog|cat|puppy|kitten|parrot|rabbit|horse|hamster|tortoise|turtle|fish|snake|bird|guinea pig|pony|lizard"
)
_RELATIONSHIPS = (
    (
        "dating",
        "dating seeing",
        r"I (?:am|have been|started) (?:dating|seeing (?:someone|(?-i:[A-Z])))(?! app)",
    ),
    ("dating", "relationship", r"I am in a (?:\w+ )?relationship\b"),
    ("engaged", "getting marrying", r"I am (?:getting married|marrying (?-i:[A-Z]))"),
    ("married", "husband wife", r"I married (?-i:[A-Z])\w+(?=$|[,;.]| last | this | in | on )"),
    (
        "separated",
        "separated splitting",
        r"I (?:have )?(?:separated|am splitting up)(?=$|[,;.]| from my | last | in )",
    ),
    ("divorced", "divorce", r"my divorce (?:came through|is|was|has been) ?(?:final|finali[sz]ed|done)?"),
    ("divorced", "divorced", r"I (?:have )?divorced(?=$|[,;.]| last | in )"),
    ("widowed", "widow widower", r"I am a widow(?:er)?\b"),
    (
        "single",
        "broke broken split",
        r"I (?:have )?(?:broke|broken|split) up(?=$|[,;.]| with my | with (?-i:[A-Z])| last | in )",
    ),
)
"""How a relationship is told in other words than the word for it."""
_PARTNER = "wife|husband|partner|girlfriend|boyfriend|spouse|fianc[ée]e?"


def _people(kind: str, words: str) -> ClaimRule:
    pattern = rf"my (?:\w+ )?(?P<k>{words})(?:'s name)? is (?:called |named )?(?P<v><PROPER>)<END>"
    return ClaimRule("name", f"many:{kind}:{{k}}", words.replace("|", " "), pattern, strength=0, resistance=9)


LIFE: tuple[ClaimRule, ...] = (
    ClaimRule("name", "slot:name", "name", r"my (?:full |first |given )?name is (?P<v><PROPER>)<STOP>"),
    ClaimRule(
        "called",
        "slot:called",
        "call called go goes",
        r"(?:(?:please )?call me|I am called|I go(?:es)? by) (?P<v><PROPER>)<STOP>",
    ),
    ClaimRule(
        "age",
        "slot:age",
        "am turned",
        r"I (?:am|turned) (?P<v>\d{1,3})(?: years? old| yrs old)?(?=$|[,;])",
        _age,
    ),
    *_residence("slot:country", _country),
    *_residence("slot:residence", _place),
    ClaimRule(
        "work",
        "slot:employer",
        "work works working started employed worked",
        rf"I {_WORK}(?: (?:full|part)[- ]time| a new job| my new job)?(?: as (?:an? "
        rf"|the )?{PARTS['JOBHEAD']})? (?:at|for) "
        r"(?:the )?(?P<v><PROPER>)<END>",
        tail=Tail.FREE,
        stage=3,
    ),
    ClaimRule(
        "work",
        "slot:employer",
        " ".join(sorted(names.OCCUPATIONS)),
        rf"I am (?:an? |the |(?!\w+ing )){PARTS['JOBHEAD']} (?:at|for) (?:the )?(?P<v><PROPER>)<END>",
        tail=Tail.FREE,
        stage=3,
    ),
    ClaimRule(
        "employer",
        "slot:employer",
        "employer",
        r"my (?:new |current )?employer is (?P<v><PROPER>)<END>",
        tail=Tail.FREE,
        stage=3,
    ),
    ClaimRule(
        "stop",
        "slot:employer",
        "quit left resigned longer",
        r"I (?:have )?(?:quit|left|resigned from|no longer works? (?:at|for))"
        r"(?: my (?:job|position|role) (?:at|with))? (?P<v><PROPER>)<END>",
        negates=True,
        strength=TOUGH,
    ),
    ClaimRule(
        "role",
        "slot:role",
        "work works working",
        rf"I {_WORK} as (?:an? |the )?(?P<v><THING>)<STOP>",
        tail=Tail.FREE,
    ),
    ClaimRule(
        "role",
        "slot:role",
        "job role title",
        r"my (?:new |current )?(?:job|role|job title|title) is (?:being )?(?:an? |the )?"
        r"(?P<v><THING>)<STOP>",
        _occupation,
    ),
    ClaimRule(
        "promoted",
        "slot:role",
        "promoted became",
        r"I (?:got |was |have been )?(?:promoted to|became) (?:an? |the )?"
        r"(?P<v><THING>)<STOP>",
        _occupation,
        tail=Tail.FREE,
    ),
    ClaimRule(
        "am at",
        "slot:role",
        " ".join(sorted(names.OCCUPATIONS)),
        r"I am an? (?P<v><THING>) (?:at|for) (?:an?|the|my) ",
        _occupation,
        tail=Tail.FREE,
    ),
    ClaimRule(
        "am",
        "slot:role",
        " ".join(sorted(names.OCCUPATIONS)),
        r"I am (?:an? )(?P<v><THING>)<STOP>",
        _occupation,
        strength=0,
    ),
    ClaimRule(
        "study",
        "slot:university",
        "study studies studying attend attends student",
        r"I (?:study|studies|am studying|attends?|"
        r"am an? [\w ]*?student)(?: [\w -]+?)?(?: at)? (?P<v><PROPER>)$",
        stage=1,
    ),
    ClaimRule("car", "slot:car", "drive drives", r"I drives? (?:an? |my |the )(?P<v><THING>)<STOP>"),
    ClaimRule("car", "slot:car", "car", r"my (?:new |current )?car is an? (?P<v><THING>)<STOP>"),
    ClaimRule(
        "phone",
        "slot:phone",
        "phone",
        r"my (?:new |current )?(?:mobile |cell )?phone is an? (?P<v><THING>)<STOP>",
    ),
    ClaimRule(
        "name",
        "slot:partner-name",
        _PARTNER.replace("|", " ").replace("[ée]e?", "é fiancée fiance fiancee"),
        rf"my (?:{_PARTNER})(?:'s name is| is called| is named) (?P<v><PROPER>)<END>",
        tail=Tail.FREE,
    ),
    ClaimRule(
        "marital",
        "slot:marital",
        "single married divorced widowed engaged separated",
        r"I (?:am|got|have been|was|is) (?:now |recently )?"
        r"(?P<v>single|married|divorced|widowed|engaged|separated)(?=$|[,;.]| to"
        r" (?-i:[A-Z])| and | since | last | this | in \d| on \d)",
        tail=Tail.FREE,
        together=True,
    ),
    *(
        ClaimRule("marital", "slot:marital", triggers, pattern, value=value, tail=Tail.FREE, together=True)
        for value, triggers, pattern in _RELATIONSHIPS
    ),
    _people("child", _KIN),
    _people("pet", _PETS),
    ClaimRule(
        "allergy",
        "many:allergy",
        "allergic",
        r"I (?:am|is) (?:\w+ )?allergic to (?P<v>.+)",
        strength=0,
        resistance=9,
    ),
)
