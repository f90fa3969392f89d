"""What a clause says as a statement that stands alone: "As a diabetic" is told as "I'm a diabetic", "Grew up
in Hull" as "I grew up in Hull", and an introduction as what it tells, one by one."""

from __future__ import annotations

import re

from shared.english.names import OCCUPATIONS as _JOBS
from shared.english.words import IDENTITIES, LANGUAGES, OCCUPATIONS, STATES, words_of

_ONE = re.compile(r"(?i:(?:speaking )?as) (an?) ([\w' -]{2,60}?)[,\s]*$")
_KEPT_BY = re.compile(r"\b(?:of|in|at|from|for|who|with|on|and|under|over|near|by|living|working)\b")
_PERSONS = (
    OCCUPATIONS
    | _JOBS
    | IDENTITIES
    | words_of(
        "beginner parent mum mom dad mother father husband wife woman man person guy girl boy student teen "
        "teenager kid pensioner retiree freelancer newbie novice amateur vegan vegetarian celiac coeliac "
        "diabetic asthmatic introvert native speaker expat immigrant refugee veteran widow widower brit "
        "american european indian christian muslim hindu jew buddhist catholic atheist survivor patient "
        "sufferer learner owner tenant landlord homeowner runner cyclist swimmer climber gamer knitter "
        "hiker gardener reader vegetarian smoker undergrad undergraduate postgrad graduate grad fresher "
        "dropout foreigner citizen resident migrant founder manager lead volunteer carer caregiver trainee "
        "apprentice intern junior senior member grandparent grandmother grandfather stepmum stepdad "
        "godmother godfather bachelor"
    )
)
_NO_PERSON = words_of(
    "example result rule matter tweet poem reminder starter letter number order user dinner newsletter "
    "filler buffer paper chapter banner poster flyer header footer paragraph list table side summary "
    "whole bonus test last follower answer"
)
_SPEAKS = re.compile(r"\b(?:i|i'm|im|i've|i'd|i'll|we|we're|you|is|are|was|were|have|has|never|always)\b")
_OF_PERSONS = re.compile(r".{2,}(?:ist|ian|eer|man|woman|ager|wright|smith|keeper|worker|teacher|driver)s?$")
_BEING = re.compile(
    r"(?i:being) (?!(?i:honest|fair|real|serious|able|said|sure|careful|told|clear|blunt)\b)(.{2,50}?)[,\s]*$"
)
_VERBS = re.compile(
    r"\b(?:is|are|was|were|am|has|have|had|can|could|will|would|do|does|did|made|makes|means|helps|helped|got|gets"
    r"|i|it|you|me|my|to|used)\b"
)
_WITH = re.compile(
    r"(?i:with) ((?:(?:an?|one|two|three|four|five|\d{1,2}) )(?:(?:young|small|little|old|elderly|new|big"
    r"|teenage) )*(?:kids?|toddlers?|child|children|bab(?:y|ies)|newborn|twins|teenagers?|teens|dogs?|cats?"
    r"|boys|girls|sons?|daughters?)(?: (?:at|in|under|and) [\w' ]{2,30}?)?)[,\s]*$"
)
_PAST = (
    r"grew|moved|got (?!to\b|it$)|went|bought|sold|quit|passed|failed|started|finished|lost|won|broke"
    r"|met|retired|had|took|gave|spent|worked|lived|studied|visited|adopted|joined|switched|stopped"
    r"|turned|wanted|decided|booked|cancelled|signed|applied|graduated|played|came|became|began|ran"
    r"|wrote|made (?!me|sense)|built|learned|learnt|taught|saw|used to|hated|loved|kept|fell"
    r"|found (?=my|an?|the|out|it)|chose|flew|drove|swore|threw|traded|ate"
    r"|left (?=my|the|home|work|school|in|for)|did (?!you|i|it|they|we|he|she|the|anyone|half)|slept"
    r"|picked up|dropped|registered|enrolled|ordered|planted|painted|ended up|celebrated|sprained|tore"
    r"|hiked|raced|performed|submitted|handed in|opened|launched|hosted|watched|cooked|baked|drew|beat"
    r"|never (?:took|learned|learnt|had|drank|smoked|broke|met|went|owned|liked|got)"
)
_NO_SUBJECT = re.compile(
    rf"(?i:(?P<past>(?:(?:just|finally|recently|also|only|once|already) )?(?:{_PAST}))"
    r"|(?P<been>(?:just |recently |also |already |never )?been|never (?:seen|eaten|driven|flown|done))"
    r"|(?P<am>am(?! (?:i|we|u)\b))"
    r"|(?P<was>born|raised|diagnosed|brought up)"
    r"|(?P<is>(?:currently )?(?:(?:living|studying|training|starting|moving|flying|heading|going)"
    r"(?= (?:to|in|into|on|at|with|w|alone|from|out|back|up|home|house|for|as|my|an?|the|off|next|this|again"
    r"|down|over)\b)|off to|allergic"
    r"|intolerant|married|divorced|engaged|retired|pregnant|due to|based))"
    r"|(?P<can>can't|cannot|can not|cant)(?= (?:stand|eat|drink|drive|swim|cook|see|hear|walk|have)\b)) ?"
    r"(?<= )(?=\w)"
)
_GOES_ON = re.compile(r"(?i)[\w' ]{0,40}?\b(?:is|are|was|were|by my|by the)\b")
_NO_VERB = re.compile(r"(?i)\w+ (?:is|are|was|were)\b")
_NAME = re.compile(
    r"(?P<by>(?i:i['’]?m|i am|my name['’]?s|my name is|this is|it['’]s|name['’]?s)) "
    r"(?P<name>[A-ZÀ-Þ][\w'’-]+(?: [A-ZÀ-Þ][\w'’-]+){0,2})"
    r"(?P<rest>(?:,? from [^,]{2,40}|, [^,]{2,60}){1,4})$"
)
_PIECE = re.compile(
    r"(?P<age>\d{1,2})(?: years? old|yo)?$"
    r"|(?P<one>an?) (?P<who>.{2,50}?)(?: (?P<at>from|in|based in|living in) (?P<place>[A-ZÀ-Þ].{1,40}))?$"
    r"|(?:from|based in|living in|in) (?P<home>[A-ZÀ-Þ].{1,40})$"
)
_BY_THEMSELVES = STATES - words_of("straight single engaged orthodox adopted disabled")
_ALONE = words_of(
    "vegan vegetarian pescatarian coeliac celiac diabetic asthmatic epileptic autistic dyslexic left-handed "
    "muslim"
)
"""The same as a single word: what no form offers for a choice, as "married" is."""
_NAMED = words_of("catholic christian muslim jewish hindu buddhist sikh protestant lutheran")
_GOING_ON = words_of("since for with and but now btw")
_SPOKEN = ("I ", "I'", "I’", "We ", "We'", "Our ", "The ", "My mum", "My wi", "My hu", "My da", "My so")
"""How most clauses begin that have their subject."""
_NOT_NAMES = IDENTITIES | STATES | LANGUAGES | OCCUPATIONS | words_of("not so just here back sorry")


def forms_of(words: str, *, greets: bool = False) -> tuple[str, ...]:
    """The statements that a clause makes, without their full stops; none where it makes none. After a
    greeting a name is one: "Hi, I'm Ada"."""
    if not greets and words.startswith(_SPOKEN):
        return (words,)
    introduced = _introduced(words, greets=greets)
    if introduced:
        return introduced
    first = words[:2].lower()
    if first == "as" or words.startswith(("speaking as", "Speaking as")):
        one = _ONE.match(words)
        if one is not None and _SPEAKS.search(one[2].lower()) is None:
            return (f"I'm {one[1].lower()} {one[2]}",) if _is_person(one[2].lower()) else ()
    elif first == "be":
        being = _BEING.match(words)
        if being is not None and _VERBS.search(being[1].lower()) is None:
            return (f"I'm {being[1]}",)
    elif first == "wi":
        having = _WITH.match(words)
        if having is not None:
            return (f"I have {having[1]}",)
    return (_with_subject(words),)


def _with_subject(words: str) -> str:
    said = words.lower().split(maxsplit=2)
    if said and said[0] in _BY_THEMSELVES and (said[0] in _ALONE if len(said) == 1 else said[1] in _GOING_ON):
        return f"I'm {words[:1].lower()}{words[1:]}" if said[0] not in _NAMED else f"I'm {words}"
    found = _NO_SUBJECT.match(words)
    if (
        found is None
        or _NO_VERB.match(words)
        or (found["past"] is None and found["been"] is None and _GOES_ON.match(words))
    ):
        return words
    rest = words[:1].lower() + words[1:]
    if found["been"]:
        return f"I've {rest}"
    if found["was"]:
        return f"I was {rest}"
    return f"I'm {rest}" if found["is"] else f"I {rest}"


def _is_person(noun: str) -> bool:
    words = _KEPT_BY.split(noun, maxsplit=1)[0].split()
    if not words or words[-1] in _NO_PERSON:
        return False
    last = words[-1]
    return last in _PERSONS or last.removesuffix("s") in _PERSONS or _OF_PERSONS.match(last) is not None


def _introduced(words: str, *, greets: bool) -> tuple[str, ...]:
    """What "I'm Ada, a nurse from Leeds" tells: name, work and home."""
    if not greets and "ame" not in words[:8]:
        return ()
    found = _NAME.match(words)
    if found is None:
        return ()
    if any(word in _NOT_NAMES for word in found["name"].lower().split()):
        return ()
    told = [f"My name is {found['name']}"]
    for piece in found["rest"].replace(" from ", ", from ").split(","):
        part = _PIECE.match(piece.strip())
        if part is None:
            if not piece.strip():
                continue
            return ()
        if part["age"]:
            told.append(f"I'm {part['age']}")
        elif part["home"]:
            told.append(f"I'm {piece.strip()}")
        else:
            told.append(f"I'm {part['one']} {part['who']}")
            if part["at"]:
                told.append(f"I'm {part['at']} {part['place']}")
    return tuple(told)
