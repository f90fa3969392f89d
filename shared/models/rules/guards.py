"""Why a clause is no fact about the person, whatever it says. Each guard answers True to refuse;
the gate is asked of what they let through.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from shared.english.sentences import NEARBY, Clause, Sentence

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
_I_SAID = re.compile(
    r"\bas i (?:said|told you|wrote)|\bi(?:'ve)? (?:already )?(?:said|told you|mentioned|think)"
    r"|\bi (?:haven't|never) (?:yet )?told you"
)
_UNCERTAIN = re.compile(
    r"(?<![\w'])(?:maybe|perhaps|possibly|probably|might|may (?:be|have)|i guess|not sure|kidding|joking"
    r"|supposedly|hypothetically|allegedly|i suppose|i wonder|not really|imaginary|fictional|in my dreams?"
    r"|in the (?:game|dream|story))(?![\w'])"
)
_SARCASTIC = re.compile(
    r"/s(?:\s|$)|\byeah,? right\b|\b(?:oh|yeah|great|wow|fantastic|wonderful|brilliant"
    r"|sure)\b[^a-z]{0,3}(?:sure |right |great )?,? ?i (?:just |absolutely |simply |really )*love"
    r"|\boh sure\b|said no one|\bnot!\B|\bjust love (?:\w+ing|when|how)\b|\blove (?:it )?when\b"
    r"|\blove being\b"
)
def is_scenario(sentence: Sentence) -> bool:
    """ "Suppose ...", "Imagine ...", "Consider this scenario.": what follows is invented, up to the end."""
    return _SCENARIO.match(sentence.low, sentence.start, sentence.end) is not None


def is_question(clause: Clause) -> bool:
    """The clause ends in a question mark; a clause before a separate question does not."""
    return clause.last and clause.sentence.asks


def is_conditional(clause: Clause) -> bool:
    """Stands after an "if", a wish or a "maybe" in its sentence."""
    return clause.body > clause.sentence.start and _CONDITION.search(clause.before) is not None


def is_reported(clause: Clause) -> bool:
    """Stands after "she said", "according to": somebody else's claim."""
    before = clause.before
    return bool(before) and _REPORTED.search(before) is not None and _I_SAID.search(before) is None


def is_uncertain(clause: Clause) -> bool:
    """The person is not sure, or joking."""
    low, end = clause.sentence.low, min(clause.sentence.end, clause.end + NEARBY)
    return _UNCERTAIN.search(low, clause.start, end) is not None


def is_sarcastic(clause: Clause) -> bool:
    """Irony that shows in its wording."""
    return _SARCASTIC.search(clause.around) is not None


_OTHERS = re.compile(
    r"(?:(?:he|she|they|his|her|their|it|people|most people|everyone|everybody)(?![\w-])"
    r"|(?:(?:my|our|the|a|an|one of (?:my|our|the)|some of (?:my|our)) (?:[\w-]+ )?)"
    r"(?:boss|manager|supervisor|colleagues?|co-?workers?|clients?|customers?|students?|pupils?|patients?"
    r"|landlord|landlady|neighbou?rs?|roommates?|flatmates?|housemates?|teacher|professor|therapist|doctor|dentist"
    r"|mechanic|plumber|lawyer|accountant|recruiter|ex-colleague|acquaintance|guy|woman|man|lady)(?:'s)?(?![\w-])"
    r"|a friend of (?:mine|ours))"
)
_FIRST_PERSON = re.compile(r"(?<![\w'])(?:i|i'm|i've|i'd|me|mine|us|we)(?![\w])")


def is_of_others(clause: Clause) -> bool:
    """Somebody is spoken of who is nothing to the person, and nothing that touches them."""
    found = _OTHERS.match(clause.plain)
    return found is not None and _FIRST_PERSON.search(clause.plain, found.end()) is None


GUARDS: tuple[Callable[[Clause], bool], ...] = (
    is_question,
    is_conditional,
    is_reported,
    is_uncertain,
    is_sarcastic,
    is_of_others,
)


def refused(clause: Clause) -> bool:
    """Whether one of them refuses."""
    return any(guard(clause) for guard in GUARDS)
