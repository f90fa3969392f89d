"""The course of a matter: an intention, the acts that follow it and the state that they lead to.

A stage leaves those before it behind where both speak of the same thing, the other one named or not:
`We're buying a flat`, `We own our flat now`. What says only that it happened, some time or other, leaves
nothing behind (`I've been to Japan twice`), and neither does what is beside something (`another flat`).
"""

from __future__ import annotations

from shared.english.names import HOMES
from shared.english.slots import ClaimRule
from shared.english.steps import MINE, ONE, WISH, steps

_HOME = rf"(?:[\w-]+ )??(?P<v>{'|'.join(HOMES)})\b(?: in (?P<at><PLACE>)(?=$|[ ,.;]))?"
_STOP = (
    r"(?=$|[,;.]| (?:and|but|because|for|in|on|to|with|last|this|next|when|now|so|from|yesterday|again|about"
    r"|called|named|which|that|who|as|of|at|by)\b)"
)
_THING = rf"(?P<k>[a-z][\w-]*(?: [\w-]+){{0,2}}?){_STOP}"
_WANT = (
    r"I (?:(?:am|have been) (?:looking (?:to buy|for|at buying)|(?:thinking (?:of|about)|discussing"
    r"|considering)"
    r"(?: (?:buying|getting|adopting))?|trying to buy|saving(?: up)? (?:for|to buy)|hunting for)"
    rf"|{WISH} (?:buy|get|adopt))"
)
_WANTS = "looking thinking trying saving buy get adopt hunting discussing considering"

OWNING = (
    *steps(
        "chain:own:home",
        (1, _WANTS, rf"{_WANT} {ONE} {_HOME}"),
        (1, "house-hunting flat-hunting", r"I (?:am|have been) (?:house|flat|home)[- ]hunting"),
        (
            2,
            "buying purchasing offer",
            r"I (?:am (?:buying|purchasing)|(?:have )?(?:made|put in) an offer on|have had an offer"
            r" accepted on)"
            rf" {ONE} {_HOME}",
        ),
        (2, "offer", rf"my offer (?:on|for) {ONE} {_HOME} (?:was|has been|is|got) accepted"),
    ),
    *steps(
        "chain:own:home",
        (
            3,
            "signed exchanged",
            r"I (?:have )?(?:signed|exchanged)(?: the)?(?: [\w-]+)?? contracts?\b(?=[.,;]|$| and | on \d"
            r"| last| this| yesterday| today| (?:on|for) (?:the|our|my) (?:new )?(?:flat|house|home"
            r"|apartment))",
        ),
        near=True,
    ),
    *steps(
        "chain:own:home",
        (4, "bought purchased", rf"I (?:have )?(?:bought|purchased) {ONE} {_HOME}"),
        (
            4,
            "own owns keys completed closed",
            r"I (?:owns?|(?:have |have got |got )the keys (?:to|for)|(?:have )?(?:completed|closed) on)"
            rf" {MINE} {_HOME}",
        ),
    ),
    *steps(
        "chain:own:home",
        (5, "selling sell", rf"I (?:am selling|{WISH} sell|am trying to sell) {MINE} {_HOME}"),
        (6, "sold", rf"I (?:have )?sold {MINE} {_HOME}"),
        over=4,
    ),
    *steps(
        "chain:own:{k}",
        (1, f"{_WANTS} buying", rf"(?:{_WANT}|I am buying) (?:an?|my first) (?:new )?{_THING}"),
        (
            4,
            "bought own owns purchased adopted got",
            r"I (?:(?:have )?(?:bought|purchased|adopted)|got|owns?) (?:an?|my first|my own) (?:new )?"
            rf"{_THING}",
        ),
    ),
    *steps(
        "chain:own:{k}",
        (
            6,
            "sold gave got scrapped",
            rf"I (?:have )?(?:sold|gave away|got rid of|scrapped) (?:the|my|our) (?:old )?{_THING}",
        ),
        over=4,
    ),
)

_WORKS = r"(?:book|novel|story|series|game|course|thesis|dissertation|album|film|script)"
MAKING = steps(
    "chain:make:{k}",
    (
        1,
        "building writing making knitting sewing restoring renovating working",
        r"I (?:am|have been) (?:building|writing|making|knitting|sewing|restoring|renovating|working on)"
        rf" (?:an?|the|my|our) {_THING}",
    ),
    (
        2,
        "finished completed published abandoned",
        rf"I (?:have )?(?:finished|completed|published|abandoned) (?:(?:building|writing|making|restoring) )?"
        rf"(?:my|our|the(?! (?:[\w-]+ )*?{_WORKS})) {_THING}",
    ),
)

_BABY = r"(?:baby|babies|son|daughter|little (?:boy|girl)|boy|girl|twins|first|second|third|child|kid)\b"
_BORN_WHEN = (
    r"(?=$|[,;.!]| on | last | this | yesterday| today| early| at \d"
    r"| in (?:the )?(?:(?-i:[A-Z])|\d)| weighing)"
)
BABY = steps(
    "chain:baby",
    (
        1,
        "trying",
        r"I (?:am|have been) trying (?:for an? (?:\w+ )?(?:baby|child)|to (?:conceive|get pregnant|have"
        r" a baby))",
    ),
    (
        2,
        "pregnant expecting having",
        r"(?:I am|my (?:wife|partner|girlfriend) is) (?:[\w-]+ (?:weeks|months) )?(?:pregnant"
        rf"|expecting(?=$|[,;.]| in | an? {_BABY}| my | twins| our )|having (?:an?|my|our) {_BABY})",
    ),
    (2, "due", r"(?:my|the) (?:due date|baby|first(?: baby| child)?) is (?:due|on)?\b"),
    (
        3,
        "born arrived",
        rf"(?:my|the) (?:baby )?{_BABY}(?:,? (?-i:[A-Z])\w+,?)? (?:was |were |is |has been |has )?"
        rf"(?:born|arrived){_BORN_WHEN}",
    ),
    (
        3,
        "birth had",
        r"I (?:have )?(?:gave birth|given birth|had (?:my|our|a) (?:baby|son|daughter|twins|first child"
        r"|second child)\b)(?! (?:when|at the age|in my))",
    ),
    (
        3,
        "miscarriage miscarried lost",
        r"I (?:have )?(?:had a miscarriage|miscarried|lost (?:the|my|our) baby)\b",
    ),
)

_RACE = (
    r"(?:(?:an?|the|my|our|this) )?(?:(?:first|second|third|next|upcoming|local) )*"
    r"(?P<v>(?:(?-i:[A-Z])[\w'-]+ ){0,3})"
    r"(?P<k>half[- ]marathon|ultra[- ]?marathon|marathon|triathlon|ironman|5k|10k|park ?run)\b"
)
_EXAM = (
    r"(?:my|the|an?) (?:first |second |next )?"
    r"(?P<k>(?:[\w+'-]+ ){0,2}?(?:exams?|tests?|finals|certification|certificate))\b"
)
FEATS = (
    *steps(
        "chain:feat:{k}",
        (
            1,
            "training preparing signed registered entered running doing run do race racing",
            r"I (?:(?:am|have been) (?:training|preparing) for|(?:am |have )?(?:signed up|registered|entered)"
            rf"(?: for)?|am (?:running|doing|racing)|{WISH} (?:run|do|race)) {_RACE}",
        ),
        (
            2,
            "ran run finished completed did raced survived",
            rf"I (?:have )?(?:ran|run|finished|completed|did|done|raced|survived) {_RACE}",
        ),
        (
            1,
            "studying revising preparing cramming training",
            rf"I (?:am|have been) (?:studying|revising|preparing|cramming|training) for {_EXAM}",
        ),
        (1, "have taking sitting", rf"I (?:have|am taking|am sitting) {_EXAM}(?= on | in | next | tomorrow)"),
        (
            2,
            "passed failed sat took finished",
            rf"I (?:have )?(?:passed|failed|sat|took|taken|finished) {_EXAM}",
        ),
    ),
    *steps(
        "chain:feat:driv test",
        (1, "learning lessons", r"I (?:am learning to drive\b|am (?:having|taking) driving lessons)"),
        (
            2,
            "licence license",
            r"I (?:have )?(?:got|gotten) (?:my|a) (?:full )?(?:driving|driver'?s) licen[cs]e",
        ),
    ),
)

_DEGREE = r"(?:phd|doctorate|master's|masters|msc|ma|mba|bachelor's|bsc|degree|a[- ]levels|apprenticeship)\b"
STUDY = steps(
    "slot:university",
    (
        1,
        "student studying doing finishing working",
        r"I am (?:an? (?:[\w'-]+ ){0,3}student\b|(?:doing|studying for|finishing|working on|in the \w+"
        r" year of)"
        rf" (?:an?|my|the) (?:[\w-]+ )?{_DEGREE})",
    ),
    (
        2,
        "graduated finished completed defended",
        r"I (?:have )?(?:graduated\b(?: (?:from|at) (?P<v><PROPER>)(?=$|[ ,.;]))?"
        rf"|(?:finished|completed|got|defended) my (?:[\w-]+ )?(?:{_DEGREE}|thesis\b))",
    ),
)

_WAY = r"(?:trip|holiday|vacation|visit|honeymoon|weekend|week|fortnight|journey|getaway|break|tour)\b"
_TRIP = rf"(?:an?|my|our|the|some) (?:[\w-]+ ){{0,3}}?{_WAY}(?: away)?(?: to| in| around| through)"
_THERE = r"(?P<k><PLACE>)<END>"
TRIPS = steps(
    "chain:trip:{k}",
    (
        1,
        "planning organising organizing booking saving booked planned thinking looking taking going dreaming",
        r"I (?:(?:am|have been) (?:planning|organi[sz]ing|booking|saving(?: up)? for|thinking (?:of|about)"
        r"|looking forward to|dreaming of|going on|taking)|(?:have )?(?:booked|planned))"
        rf" {_TRIP} {_THERE}",
    ),
    (
        1,
        "booked bought",
        rf"I (?:have )?(?:booked|bought) (?:my |our |the )?(?:flights?|tickets?|trains?) to {_THERE}",
    ),
    (
        1,
        "going flying travelling traveling heading off visiting",
        rf"I (?:am|will be) (?:(?:going|flying|travell?ing|heading|off) (?:back )?to|visiting) {_THERE}",
    ),
    (1, "visit go travel fly see", rf"I {WISH} (?:visit|(?:go|travel|fly) to|see) {_THERE}"),
    (
        2,
        "went flew travelled traveled visited been gone",
        rf"I (?:have )?(?:(?:went|flew|travell?ed|been|gone)(?: back)? to|visited) {_THERE}",
    ),
    (
        2,
        "back returned",
        r"I (?:(?:have )?(?:got|gotten|came|come|arrived|am)(?: home)? back|(?:have )?returned)(?:"
        r" home)? from"
        rf" (?:{_TRIP} )?{_THERE}",
    ),
    (2, "trip holiday vacation honeymoon visit", rf"my {_WAY} (?:to|in) {_THERE}(?= was\b)"),
)

COURSES: tuple[ClaimRule, ...] = (*OWNING, *BABY, *FEATS, *STUDY, *TRIPS, *MAKING)
