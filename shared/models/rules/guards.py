"""Why a clause is no fact about the person, whatever it says. Each guard answers True to refuse;
the gate is asked of what they let through.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from shared.english.gate.lexicon import CLASSES
from shared.english.sentences import NEARBY, Clause, Sentence
from shared.english.spotting import BLANK, hints
from shared.english.words import words_of
from shared.models.rules.remarks import is_hanging, is_part, is_passing, is_remark

_CONDITION = re.compile(
    r"(?<![\w'])(?:if(?! it (?:helps|matters))|unless|suppose|imagine|pretend|assum\w+|let's say|what if"
    r"|whether|as if|as though|wish|in case(?! it)|lest|would|could|dream\w*|hopefully|ideally|someday"
    r"|one day|maybe|perhaps|possibly|probably|apparently|supposedly|not sure|sentence|example"
    r"|phrase)(?![\w'])"
)
_SCENARIO = re.compile(
    r"[\s\-*•\d.)]*(?:ok |okay |so |now |well |and |but |then )*(?:,\s*)?(?:(?:suppose|imagine|pretend"
    r"|picture this|visuali[sz]e|hypothetical\w*|let's (?:say|assume|suppose|imagine|pretend)|let us (?:say"
    r"|assume|suppose)|what if|assum(?:e|ing)|say,? (?:i|you|we|my|that)|consider (?:this|the following|a"
    r"|the case|an)|in an ideal|in a perfect|for the sake of|as an example|for example|example|e\.g\."
    r"|scenario|case study|the scenario)(?![\w'])|if i (?:were|was) )"
)
_REPORTED = re.compile(
    r"(?<![\w'])(?:said|says|say|told|tells|thinks?|claims?|claimed|wrote|writes|believes|swears|swore"
    r"|jokes?|joked|goes|quotes?|according to|horoscope|asks|asked|called|insists|insisted|accused|reads"
    r"|means?|meant|like:|replied)(?![\w'])"
)
_IF = re.compile(
    r"[\W\d]*(?:(?:and|but|so|ok|okay|even) )*(?:if|unless|suppose|supposing|imagine|pretend|assuming"
    r"|say (?:i|we|my)|were i"
    r"|had i|what if|whether)(?![\w'])(?! (?:it helps|it matters|anyone asks))"
)
_WOULD = re.compile(
    r"(?<![\w'])(?:(?:could|might|would|should)(?:'ve| have)(?! (?:an?|the|to|more|no|some|one)\b)"
    r"|i'd (?:have|be)|i would be"
    r"|in another life)(?![\w'])"
)
_WORDS_OF_WOULD = words_of("could might would should d another")
_SAID_BEHIND = re.compile(
    r",\s*(?:so )?(?:(?:he|she|they|my [\w-]+) )?(?:says|said|told me|claims|swears|reckons"
    r"|reckon)\b(?!.{40})|\bso i heard\b"
)
_TELLS = re.compile(
    r"(?!i )(?:(?:my|our|the|an?|his|her) )?[\w'’-]+(?: [\w'’-]+){0,3}? (?:told (?:me|us|everyone)|said"
    r"|says|claims|claimed|wrote"
    r"|mentioned|texted|announced|insists|swears|reckons|reads)(?! no\b)(?![\w'])"
)
"""Somebody tells, and not the person."""
_WORDS_OF_TELLING = words_of(
    "told said says claims claimed wrote mentioned texted announced insists swears reckons reads reckon heard"
)
_AROUND = " \t\"'*_>-"
_OWN_LEAD = re.compile(r"(?<![\w'])(?:i|i'm|i've|my|me|we|our)(?![\w])")
_TOPIC = re.compile(
    r"(?:context|background|situation|info|about|update|edit|note|fyi|question|problem|ps|p\.s|details?"
    r"|details so far|profile"
    r"|family|work|job|health|diet|age|name|location|hobbies|likes|dislikes|interests|pets|kids|goals?"
    r"|summary|facts?"
    r"|history|today|news|correction|reminder|confession|btw|also|and|reason|constraints?|allerg\w+"
    r"|preferences?"
    r"|thing|point|truth|one more)\W*$"
)
_MADE_UP = re.compile(
    r"(?<![\w'])(?:dream\w*|dialogue|verse|lyrics?|poem|scene|sketch|character|pov|role|play|pretend"
    r"|made[- ]up|sentences?|translat\w+"
    r"|rewrite|rephrase|correct|proofread|caption|meme|patient|doctor|customer|candidate|interviewer|quote"
    r"|says?|said|wrote"
    r"|reads|goes|like this|example|draft|so far|letter|email|mail|message|messages|post|tweet|bio|review"
    r"|speech|story|novel"
    r"|open|answer as)(?![\w'])"
)
_I_SAID = re.compile(
    r"\bas i (?:said|told you|wrote)|\bi(?:'ve)? (?:already )?(?:said|told you|mentioned|think)"
    r"|\bi (?:haven't|never) (?:yet )?told you"
)
_UNCERTAIN = re.compile(
    r"(?<![\w'])(?:maybe|perhaps|possibly|probably|might|may (?:be|have)|i guess|not sure|kidding|joking"
    r"|supposedly|hypothetically|allegedly|i suppose|i wonder|not really|imaginary|fictional|in my dreams?"
    r"|in (?:the|my|a) (?:game|dream|story|sketch|play|novel|film)|apparently|dreamt|dreamed"
    r"|sarcasm)(?![\w'])"
)
_WORDS_OF_DOUBT = words_of(
    "maybe perhaps possibly probably might may guess sure kidding joking supposedly hypothetically "
    "allegedly suppose "
    "wonder really imaginary fictional dream dreams game story sketch play novel film apparently dreamt "
    "dreamed sarcasm"
)
_SARCASTIC = re.compile(
    r"/s(?:\s|$)|\byeah,? right\b|\b(?:oh|yeah|great|wow|fantastic|wonderful|brilliant"
    r"|sure)\b[^a-z]{0,3}(?:sure |right |great )?,? ?i (?:just |absolutely |simply |really )*love"
    r"|\boh sure\b|said no one|\bnot!\B|\bjust love (?:\w+ing|when|how)\b|\blove (?:it )?when\b"
    r"|\blove being\b"
)
_WORDS_OF_SARCASM = words_of("yeah oh great wow fantastic wonderful brilliant sure when being")
_HINTS_OF_SARCASM = ("/s", "just love", "not!", "said no one")
_ASKED = re.compile(
    r"\W*(?:in \w+, )?(?:what|why|how|where|who|which|whose)(?:'s| (?:is|are|am|was|were|do|does|did|can"
    r"|should|would|if))\b"
    r"|\W*any (?:tips|advice|ideas?|thoughts|suggestions?|recommendations?|recs|clue)\b"
    r"|\W*(?:in \w+, )?(?:is|are|do|does|did|can|could|should|would|am) (?:i|my|it|there|the|this|that|you"
    r"|we|\")"
)
_TAG = re.compile(
    r"\W*(?:don't|doesn't|didn't|isn't|aren't|wasn't|won't|haven't|hasn't|right|no|am|do|is) ?(?:i|we|it"
    r"|they)?\W*$"
)
MOST_SHOWN = 24
"""Signs of a clause at most that are not the person's own: a title or a word between quotation marks."""


def is_shown(clause: Clause) -> bool:
    """Holds more than a name of what the person only shows: its statement would say it."""
    return clause.text.count(BLANK) > MOST_SHOWN


def is_scenario(sentence: Sentence) -> bool:
    """ "Suppose ...", "Imagine ...", "Consider this scenario.": what follows is invented, up to the end."""
    return _SCENARIO.match(sentence.low, sentence.start, sentence.end) is not None


def is_question(clause: Clause) -> bool:
    """The clause ends in a question mark, or begins as a question does; a clause before a separate question
    does not, unless that asks whether it is so."""
    low, sentence = clause.sentence.low, clause.sentence
    if _ASKED.match(low, clause.start, clause.end):
        return True
    return sentence.asks and (clause.last or _TAG.match(low, clause.end, sentence.end) is not None)


def is_conditional(clause: Clause) -> bool:
    """Begins with an "if", tells what would be, or stands after a wish or a "maybe" in its sentence."""
    low = clause.sentence.low
    if _IF.match(low, clause.start, clause.end):
        return True
    if clause.sentence.may_say(_WORDS_OF_WOULD) and _WOULD.search(low, clause.start, clause.end):
        return True
    return clause.body > clause.sentence.start and _CONDITION.search(clause.before) is not None


def is_reported(clause: Clause) -> bool:
    """Stands in quotation marks, or beside "she said", "according to": somebody else's claim."""
    before, low = clause.before, clause.sentence.low
    if low.startswith('"', clause.start):
        return True
    if clause.sentence.may_say(_WORDS_OF_TELLING) and (
        _TELLS.match(clause.plain) or _SAID_BEHIND.search(low, clause.start, clause.end)
    ):
        return True
    return bool(before) and _REPORTED.search(before) is not None and _I_SAID.search(before) is None


def is_introduced(clause: Clause) -> bool:
    """Stands behind a colon that announces something other than what the person tells of themselves: a part
    in a dialogue, a draft, a dream."""
    before = clause.before
    if ":" not in before:
        return False
    lead, _, between = before.rpartition(":")
    if between.strip(_AROUND):
        return False
    return _MADE_UP.search(lead) is not None or not (
        _OWN_LEAD.search(clause.text) or _OWN_LEAD.search(lead) or _TOPIC.search(lead)
    )


def is_uncertain(clause: Clause) -> bool:
    """The person is not sure, or joking."""
    if not clause.sentence.may_say(_WORDS_OF_DOUBT):
        return False
    low, end = clause.sentence.low, min(clause.sentence.end, clause.end + NEARBY)
    return _UNCERTAIN.search(low, clause.start, end) is not None


def is_sarcastic(clause: Clause) -> bool:
    """Irony that shows in its wording."""
    around = clause.around
    if not (clause.sentence.may_say(_WORDS_OF_SARCASM) or hints(around, _HINTS_OF_SARCASM)):
        return False
    return _SARCASTIC.search(around) is not None


_OTHERS = re.compile(
    r"(?:(?:he|she|they|his|her|their|it|people|most people|everyone|everybody)(?![\w-])"
    r"|(?:(?:my|our|the|a|an|one of (?:my|our|the)|some of (?:my|our)) (?:[\w-]+ )?)"
    r"(?:boss|manager|supervisor|colleagues?|co-?workers?|clients?|customers?|students?|pupils?|patients?"
    r"|landlord|landlady|neighbou?rs?|roommates?|flatmates?|housemates?|teacher|professor|therapist|doctor"
    r"|dentist"
    r"|mechanic|plumber|lawyer|accountant|recruiter|ex-colleague|barber|supplier|tutor|callers?|gaffer"
    r"|opponent|acquaintance|guy|woman|man|lady)(?:'s)?(?![\w-])"
    r"|a friend of (?:mine|ours)|(?:my|our) [\w-]+'s (?:[\w-]+ )?(?:colleague|boss|friend|neighbou?r|wife"
    r"|husband|boyfriend"
    r"|girlfriend)|(?:a|some) mate of|mate of)"
)
_SOMEBODY = re.compile(
    r"(?:the|an?|some|that|this|one of the) (?:(?:new|old|young|first|last|main|other) )?"
    r"(?P<who>[\w-]+)(?![\w'-])"
)
_NOBODYS = frozenset({"job", "other"})
"""Kinds of words for people who are nobody's."""
_POINTS = re.compile(r"(?:he|she|they|it)(?:'s|'d|'ll|'re)? (?!(?:and|or) )")
_FIRST_PERSON = re.compile(r"(?<![\w'])(?:i|i'm|i've|i'd|my|me|mine|us|we|our)(?![\w])")


def is_pointing(clause: Clause) -> bool:
    """Begins with a "she" or an "it": nobody knows later of whom or what it speaks."""
    return _POINTS.match(clause.plain) is not None


def is_of_others(clause: Clause) -> bool:
    """Speaks of somebody beside the person, a colleague or a landlord, and not of what touches the person."""
    plain = clause.plain
    if plain.startswith("i "):
        return False
    found = _OTHERS.match(plain) or _SOMEBODY.match(plain)
    if found is not None and found.re is _SOMEBODY and _NOBODYS.isdisjoint(CLASSES.get(found["who"], ())):
        return False
    return found is not None and _FIRST_PERSON.search(plain, found.end()) is None


GUARDS: tuple[Callable[[Clause], bool], ...] = (
    is_shown,
    is_part,
    is_question,
    is_passing,
    is_conditional,
    is_reported,
    is_introduced,
    is_uncertain,
    is_sarcastic,
    is_pointing,
    is_of_others,
    is_hanging,
    is_remark,
)


def refused(clause: Clause) -> bool:
    """Whether one of them refuses."""
    for guard in GUARDS:  # noqa: SIM110  (see `hints`)
        if guard(clause):
            return True
    return False
