"""How jobs and homes are looked for, begun and left, beside the slots that say which one it is."""

from __future__ import annotations

from shared.english.slots import ANY, TOUGH, ClaimRule, Tail
from shared.english.steps import WISH, steps

_JOBS = (
    r"(?:an? |another |some |other |new |different |better |full[- ]time |remote |my next )*"
    r"(?:jobs?|roles?|positions?|work)\b"
)
_SEARCH = r"(?:(?:am|have been|started) (?:actively )?(?:looking|searching|hunting) for|am after|want|need)"
_AS = r"(?: as (?:an? |the )?[\w -]+?)?"
_LOST = r"(?:laid off|fired|made redundant|sacked)"


def _work(
    kind: str, triggers: str, pattern: str, stage: int = 0, value: str | None = None, *, negates: bool = False
) -> ClaimRule:
    return ClaimRule(
        kind,
        "slot:employer",
        triggers,
        pattern,
        value=value,
        negates=negates,
        strength=TOUGH if negates else 1,
        tail=Tail.FREE,
        stage=stage,
    )


MOVES: tuple[ClaimRule, ...] = (
    _work(
        "start",
        "start starts starting begin beginning joining join",
        r"I (?:will |am going to )?(?:(?:starts?|am starting|begins?|am beginning)"
        rf"(?: work| working| a new job| my new job| a new role| my new role)?{_AS} (?:at|with) (?:the"
        rf" )?(?P<v><PROPER>)"
        r"<END>|(?:join|am joining) (?P<w><PROPER>) as )",
        stage=2,
    ),
    _work(
        "work",
        "job role position offer",
        r"I (?:got|get|have got|landed|accepted|have accepted|took|have taken|found|have found|have)"
        rf" (?:an? |the |my )?(?:new |great )?(?:job|role|position|job offer|offer){_AS} (?:at|with|from)"
        r" (?:the )?(?P<v><PROPER>)<END>",
        stage=3,
    ),
    _work(
        "work", "job", r"my (?:new |current )?job (?:is )?(?:at|with) (?:the )?(?P<v><PROPER>)<END>", stage=3
    ),
    _work(
        "work",
        "joined hired",
        r"I (?:have )?(?:joined (?P<v><PROPER>)(?: last \w+| in \w+| this \w+)? as "
        r"|(?:was|got|have been|been) hired (?:by|at) (?P<w><PROPER>)<END>)",
        stage=3,
    ),
    _work(
        "work",
        "stay staying stayed",
        r"I (?:am |will be |will |have )?stay(?:ing|ed)? (?:on )?(?:at|with) (?:the )?(?P<v><PROPER>)"
        r"(?=,? (?:fully |still |but |and )*(?:remote(?:ly)?|hybrid|part[- ]time|full[- ]time|freelance)\b)",
        stage=3,
    ),
    _work(
        "last day",
        "day",
        r"my last (?:working )?day (?:of work )?(?:at|with) (?:the )?(?P<v><PROPER>) (?:is|will be|falls)\b",
        negates=True,
    ),
    _work(
        "stop",
        "day",
        r"my last (?:working )?day (?:of work )?(?:at|with) (?:the )?(?P<v><PROPER>) was\b",
        negates=True,
    ),
    _work(
        "stop",
        "laid fired redundant sacked retired unemployed jobless work jobs quit left lost",
        rf"I (?:have )?(?:(?:was|got|have been|been|am) (?:{_LOST}|retired(?! from)|unemployed|jobless"
        r"|out of work|between jobs)\b(?! (?:by|from) (?-i:[A-Z]))"
        r"|retired(?=$|[,;.]| in | last | from my job)|(?:quit|left|lost) my (?:old |last |day"
        r" )?job\b(?! (?:at|with) (?-i:[A-Z])))",
        value=ANY,
        negates=True,
    ),
    _work(
        "stop",
        "laid fired redundant sacked",
        rf"I (?:was|got|have been) {_LOST} (?:by|from) (?:the )?(?P<v><PROPER>)<END>",
        negates=True,
    ),
    _work(
        "stop",
        "job",
        r"I (?:have )?(?:started|begun) (?:an?|my) new job\b(?! (?:at|with) (?:the )?(?-i:[A-Z]))",
        stage=3,
        value=ANY,
        negates=True,
    ),
    *steps(
        "slot:employer",
        (
            3,
            "job",
            r"I (?:have )?(?:got|gotten|found|landed|accepted|been offered) (?:an?|my|the) (?:new )?job\b",
        ),
        (1, "looking searching hunting want need", rf"I {_SEARCH} {_JOBS}(?! (?:to|done|on)\b)"),
        (
            1,
            "applying interviewing job-hunting job",
            r"I am (?:applying (?:for|to) [\w -]*(?:jobs?|roles?|positions?)\b|interviewing (?:for|at|with)"
            r"|job[- ]hunting)|my job (?:hunt|search)\b",
        ),
        (
            1,
            "leave quit quitting leaving change changing notice",
            r"I (?:(?:handed|put|gave|have handed|have given) (?:in )?my notice"
            rf"|(?:{WISH}|am thinking (?:of|about)) (?:leave|leaving|quit|quitting|change|changing)"
            r" (?:my )?jobs?\b)",
        ),
    ),
    *steps(
        "slot:residence",
        (
            1,
            "move moving relocate relocating",
            rf"I (?:{WISH} (?:move|relocate)|am (?:moving|relocating)|will (?:move|relocate)|plan (?:on"
            rf" )?moving"
            r"|am thinking (?:of|about) (?:moving|relocating))(?: back| over| away| house)?(?: from <PLACE>)?"
            r" to (?P<v><PLACE>)<END>",
        ),
    ),
)
