"""The course of a matter: an intention, the acts that follow it and the state that they lead to.

A stage leaves those before it behind where both speak of the same thing, the other one named or not:
`We're buying a flat`, `We own our flat now`. What says only that it happened, some time or other, leaves
nothing behind (`I've been to Japan twice`), and neither does what is beside something (`a second job`).
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.english.slots import ANY, ClaimRule, Tail

_SOON = "(?:hope|hoping|plan|planning|intend|want|would like|have decided|decided|am going|am about|aim)"
_WISH = rf"(?:am |have been )?{_SOON} to"
_SEARCH = "(?:(?:am|have been|started) (?:actively )?(?:looking|searching|hunting) for|am after|want|need)"
_ONE = "(?:an?|the|my|our|this|that|my first|our first|my own|our own|my new|our new)"
_MINE = "(?:the|my|our|this|my first|our first|my own|our own|my new|our new)"
_JOB = (
    "(?:an? |another |some |other |new |different |better |full[- ]time |remote |my next )*"
    r"(?:jobs?|roles?|positions?|work)\b"
)


def _rules(
    matter: str, *steps: tuple[int, str, str], over: int = 1, near: bool = False
) -> Iterator[ClaimRule]:
    """A rule a step: its stage, its triggers, its pattern. Without group `v` its value is `ANY`."""
    for stage, triggers, pattern in steps:
        yield ClaimRule(
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


_TOWN = (
    rf"I (?:{_WISH} (?:move|relocate)|am (?:moving|relocating)|will (?:move|relocate)|plan (?:on )?moving"
    r"|am thinking (?:of|about) (?:moving|relocating))(?: back| over| away| house)?(?: from <PLACE>)? to"
    r" (?P<v><PLACE>)<END>",
    "move moving relocate relocating",
)

_EMPLOYMENT = (
    ClaimRule(
        "start",
        "slot:employer",
        "start starts starting begin beginning joining join",
        r"I (?:will |am going to )?(?:(?:starts?|am starting|begins?|am beginning)(?: work| working| a new job| my"
        r" new job| a new role| my new role)?(?: as (?:an? |the )?[\w -]+?)? (?:at|with) (?P<v><PROPER>)<END>"
        r"|(?:join|am joining) (?P<w><PROPER>) as )",
        stage=2,
        tail=Tail.FREE,
    ),
    ClaimRule(
        "work",
        "slot:employer",
        "job role position offer",
        r"I (?:just )?(?:got|get|have got|landed|accepted|have accepted|took|have taken|found|have found|have|was"
        r" offered and took) (?:an? |the |my )?(?:new |great )?(?:job|role|position|job offer|offer)(?: as (?:an? |the )?"
        r"[\w -]+?)? (?:at|with|from) (?P<v><PROPER>)<END>",
        stage=3,
        tail=Tail.FREE,
    ),
    ClaimRule(
        "work",
        "slot:employer",
        "job",
        r"my (?:new |current )?job (?:is )?(?:at|with) (?P<v><PROPER>)<END>",
        stage=3,
        tail=Tail.FREE,
    ),
    ClaimRule(
        "work",
        "slot:employer",
        "joined hired",
        r"I (?:have )?(?:joined (?P<v><PROPER>)(?: last \w+| in \w+| this \w+)? as |(?:was|got|have been) hired (?:by|at) "
        r"(?P<w><PROPER>)<END>)",
        stage=3,
        tail=Tail.FREE,
    ),
    ClaimRule(
        "last day",
        "slot:employer",
        "day",
        r"my last (?:working )?day (?:of work )?(?:at|with) (?P<v><PROPER>) (?:is|will be|falls)\b",
        negates=True,
        strength=2,
        tail=Tail.FREE,
    ),
    ClaimRule(
        "stop",
        "slot:employer",
        "day",
        r"my last (?:working )?day (?:of work )?(?:at|with) (?P<v><PROPER>) was\b",
        negates=True,
        strength=2,
        tail=Tail.FREE,
    ),
    ClaimRule(
        "stop",
        "slot:employer",
        "laid fired redundant sacked retired unemployed jobless work jobs quit left lost",
        r"I (?:have )?(?:(?:was|got|have been|been|am|am now) (?:laid off|fired|made redundant|sacked|retired|unemployed"
        r"|jobless|out of work|between jobs)\b(?! (?:by|from) [A-Z])|retired(?=$|[,;.]| in | last | from my job)"
        r"|(?:quit|left|lost) my (?:old |last |day )?job\b(?! (?:at|with) [A-Z]))",
        value=ANY,
        negates=True,
        strength=2,
        tail=Tail.FREE,
    ),
    ClaimRule(
        "stop",
        "slot:employer",
        "laid fired redundant sacked",
        r"I (?:was|got|have been) (?:laid off|fired|made redundant|sacked) (?:by|from) (?P<v><PROPER>)<END>",
        negates=True,
        strength=2,
        tail=Tail.FREE,
    ),
    *_rules(
        "slot:employer",
        (1, "looking searching hunting want need", rf"I {_SEARCH} {_JOB}(?! (?:to|done|on)\b)"),
        (1, "applying interviewing job-hunting job", r"I am (?:applying (?:for|to) [\w -]*(?:jobs?|roles?|positions?)"
         r"\b|interviewing (?:for|at|with)|job[- ]hunting)|my job (?:hunt|search)\b"),
        (1, "leave quit quitting leaving change notice", r"I (?:(?:handed|put|gave|have handed|have given) (?:in )?my"
         rf" notice|(?:{_WISH}|am thinking (?:of|about)) (?:leave|leaving|quit|quitting|change|changing) (?:my )?jobs?\b)"),
    ),
)  # fmt: skip

_RACE = (
    r"(?P<k>half[- ]marathon|ultra[- ]?marathon|marathon|triathlon|ironman|5k|10k|park ?run|century ride)\b"
)
_WHICH = r"(?:(?:an?|the|my|our|this) )?(?:(?:first|second|third|next|upcoming|local) )*(?P<v>(?:(?-i:[A-Z])[\w'-]+ ){0,3})"
_EXAM = r"(?:my|the|an?) (?:first |second |next )?(?P<k>(?:[\w+'-]+ ){0,2}?(?:exams?|tests?|finals|certification|certificate))\b"
_DEGREE = r"(?:phd|doctorate|master's|masters|msc|ma|mba|bachelor's|bsc|degree|a[- ]levels|apprenticeship)\b"
_BABY = r"(?:baby|babies|son|daughter|little (?:boy|girl)|boy|girl|twins|first|second|third|child|kid)\b"
_WAY = r"(?:trip|holiday|vacation|visit|honeymoon|weekend|week|fortnight|journey|getaway|break|tour)\b"
_TO = r"(?:an?|my|our|the|some) (?:[\w-]+ ){0,3}?" + _WAY + r"(?: away)?(?: to| in| around| through)"
_HOME = r"(?P<v>flat|apartment|condo|house|home|place|cottage|bungalow|townhouse|maisonette)\b(?: in (?P<at><PLACE>)(?=$|[ ,.;]))?"
_THING = r"(?P<k>[a-z][\w-]*(?: [\w-]+){0,2}?)(?=$|[,;.]| (?:and|but|because|for|in|on|to|with|last|this|next|when|now|so|from|yesterday|again)\b)"
_WANT = (
    r"I (?:(?:am|have been) (?:looking (?:to buy|for|at buying)|thinking (?:of|about) (?:buying|getting)|trying to buy"
    rf"|saving(?: up)? (?:for|to buy)|house[- ]hunting for|hunting for)|{_WISH} (?:buy|get))"
)

COURSES: tuple[ClaimRule, ...] = (
    *_EMPLOYMENT,
    *_rules("slot:residence", (1, _TOWN[1], _TOWN[0])),
    *_rules(
        "chain:own:home",
        (1, "looking thinking trying saving buy get", rf"{_WANT} (?:somewhere|{_ONE} (?:[\w-]+ )??{_HOME})"),
        (1, "hunting house-hunting flat-hunting", r"I (?:am|have been) (?:house|flat|home)[- ]hunting"),
        (2, "buying purchasing offer", r"I (?:am (?:buying|purchasing)|(?:have )?(?:made|put in) an offer on|have had an"
         rf" offer accepted on) {_ONE} (?:[\w-]+ )??{_HOME}"),
        (2, "offer", rf"my offer (?:on|for) {_ONE} {_HOME} (?:was|has been|is|got) accepted"),
    ),
    *_rules(
        "chain:own:home",
        (3, "signed exchanged", r"I (?:have )?(?:signed|exchanged)(?: the)?(?: [\w-]+)?? contracts?\b(?= (?:on|for) (?:the|"
         r"our|my) (?:new )?(?:flat|house|home|apartment)| on \d| last| this| yesterday| today|[.,;]|$| and )"),
        near=True,
    ),
    *_rules(
        "chain:own:home",
        (4, "bought purchased", rf"I (?:have )?(?:bought|purchased) {_ONE} (?:[\w-]+ )??{_HOME}"),
        (4, "own owns keys completed closed", rf"I (?:owns?|have (?:got )?the keys (?:to|for)|got the keys (?:to|for)|(?:have )?"
         rf"(?:completed|closed) on) {_MINE} (?:[\w-]+ )??{_HOME}"),
    ),
    *_rules(
        "chain:own:home",
        (5, "selling sell", rf"I (?:am selling|{_WISH} sell|am trying to sell) {_MINE} (?:old )?{_HOME}"),
        (6, "sold", rf"I (?:have )?sold {_MINE} (?:old )?{_HOME}"),
        over=4,
    ),
    *_rules(
        "chain:own:{k}",
        (1, "looking thinking trying saving buy get buying", rf"(?:{_WANT}|I am buying) (?:an?|my first) (?:new )?{_THING}"),
        (4, "bought own owns purchased", rf"I (?:(?:have )?(?:bought|purchased)|owns?) (?:an?|my first|my own) (?:new )?{_THING}"),
    ),
    *_rules(
        "chain:own:{k}",
        (6, "sold gave got scrapped", r"I (?:have )?(?:sold|gave away|got rid of|scrapped) (?:the|my|our) (?:old )?" + _THING),
        over=4,
    ),
    *_rules(
        "chain:baby",
        (1, "trying conceive", r"I (?:am|have been) trying (?:for an? (?:\w+ )?(?:baby|child)|to (?:conceive|get pregnant|have a"
         r" baby))"),
        (2, "pregnant expecting having", r"(?:I am|my (?:wife|partner|girlfriend) is) (?:[\w-]+ (?:weeks|months) )?(?:pregnant"
         rf"|expecting(?=$|[,;.]| in | an? (?:{_BABY})| my | twins| our )|having (?:an?|my|our) {_BABY})"),
        (2, "due", r"(?:my|the) (?:due date|baby|first(?: baby| child)?) is (?:due|on)?\b"),
        (3, "born arrived", rf"(?:my|the) (?:baby )?{_BABY}(?:,? (?-i:[A-Z])\w+,?)? (?:was|were|is|has been|has)? ?(?:born|arrived)"
         r"(?=$|[,;.!]| on | last | this | yesterday| today| early| at \d| in (?:the )?[A-Z\d]| weighing)"),
        (3, "birth had", r"I (?:have )?(?:gave birth|given birth|had (?:my|our|a) (?:baby|son|daughter|twins|first child|second"
         r" child)\b)(?! (?:when|at the age|in my))"),
        (3, "miscarriage lost", r"I (?:have )?(?:had a miscarriage|miscarried|lost (?:the|my|our) baby)\b"),
    ),
    *_rules(
        "chain:feat:{k}",
        (1, "training preparing signed registered entered running doing run do", r"I (?:(?:am|have been) (?:training|preparing)"
         rf" for|(?:am |have )?(?:signed up|registered|entered)(?: for)?|am (?:running|doing|racing)|{_WISH} (?:run|do|race)) "
         rf"{_WHICH}{_RACE}"),
        (2, "ran run finished completed did raced survived", r"I (?:have )?(?:ran|run|finished|completed|did|done|raced|survived) "
         rf"{_WHICH}{_RACE}"),
        (1, "studying revising preparing cramming training", r"I (?:am|have been) (?:studying|revising|preparing|cramming|training)"
         rf" for {_EXAM}"),
        (1, "have taking", rf"I (?:have|am taking|am sitting) {_EXAM}(?= on | in | next | tomorrow)"),
        (2, "passed failed sat took finished", rf"I (?:have )?(?:passed|failed|sat|took|taken|finished) {_EXAM}"),
    ),
    *_rules(
        "chain:feat:driv test",
        (1, "learning lessons", r"I (?:am learning to drive\b|am (?:having|taking) driving lessons)"),
        (2, "licence license", r"I (?:have )?(?:got|gotten|passed for) (?:my|a) (?:full )?(?:driving|driver'?s) licen[cs]e"),
    ),
    *_rules(
        "slot:university",
        (1, "student studying doing finishing", rf"I am (?:an? (?:[\w'-]+ ){{0,3}}student\b|(?:doing|studying for|finishing"
         rf"|working on|in the \w+ year of) (?:an?|my|the) (?:[\w-]+ )?{_DEGREE})"),
        (2, "graduated finished completed defended", r"I (?:have )?(?:graduated\b(?: (?:from|at) (?P<v><PROPER>)(?=$|[ ,.;]))?"
         rf"|(?:finished|completed|got|defended) my (?:[\w-]+ )?(?:{_DEGREE}|thesis))"),
    ),
    *_rules(
        "chain:trip:{k}",
        (1, "planning organising booking saving booked thinking looking taking dreaming", r"I (?:(?:am|have been) (?:planning"
         r"|organi[sz]ing|booking|saving(?: up)? for|thinking (?:of|about)|looking forward to|dreaming of|going on|taking)"
         rf"|(?:have )?(?:booked|planned)) {_TO} (?P<k><PLACE>)<END>"),
        (1, "booked flights tickets", r"I (?:have )?(?:booked|bought) (?:my |our |the )?(?:flights?|tickets?|trains?) to (?P<k><PLACE>)"
         r"<END>"),
        (1, "going flying travelling traveling heading visiting", r"I (?:am|will be) (?:(?:going|flying|travell?ing|heading|off) (?:back )?"
         r"to|visiting) (?P<k><PLACE>)<END>"),
        (1, "visit go travel fly see", rf"I {_WISH} (?:visit|(?:go|travel|fly) to|see) (?P<k><PLACE>)<END>"),
        (2, "went flew travelled traveled visited been", r"I (?:have )?(?:(?:went|flew|travell?ed|been|gone)(?: back)? to|visited) "
         r"(?P<k><PLACE>)<END>"),
        (2, "back returned", r"I (?:(?:have )?(?:got|gotten|came|come|arrived|am)(?: home)? back|(?:have )?returned)(?: home)? from "
         rf"(?:{_TO} )?(?P<k><PLACE>)<END>"),
        (2, "trip holiday vacation honeymoon visit", rf"my {_WAY} (?:to|in) (?P<k><PLACE>) was\b"),
    ),
)  # fmt: skip
