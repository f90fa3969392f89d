"""What says nothing that lasts, whoever says it: parts of sentences, pointers to what was named elsewhere,
remarks on what the talk is at, words to the reader. Each test answers True for such a clause.
"""

from __future__ import annotations

import re

from shared.english.gate.lexicon import CLASSES
from shared.english.sentences import Clause
from shared.english.words import words_of

_HOUR = re.compile(r"\bin (?:an?|a few|half an|\w+) (?:hours?|hrs?|minutes?|mins?|seconds|secs)\b")
_WORDS_OF_HOUR = words_of("hour hours hr hrs minute minutes min mins seconds secs")


def is_passing(clause: Clause) -> bool:
    """Of the hour."""
    sentence = clause.sentence
    return (
        sentence.may_say(_WORDS_OF_HOUR) and _HOUR.search(sentence.low, clause.start, clause.end) is not None
    )


_PART = re.compile(
    r"[\W\d]*(?:let's|lets|much fun|in which|which|who|who's|whose|whom|that|than|then|here|here's|and|of"
    r"|because|since (?:he|she|it|they|there)|on (?:her|his|their) own|as if|like)(?![\w'])"
)
_ROW = re.compile(r"\W*(?=[a-f]*\d)[0-9a-f]{6,}(?![\w'])")
"""An id: a row of a list, and nothing said."""


_LEADS_ON = re.compile(
    r"\b(?:such as|including|as follows|the following|because(?: it| its| it's)?)$", re.ASCII
)
"""What a list or a reason follows that is in no clause of its own."""


def is_part(clause: Clause) -> bool:
    """Begins as what hangs on something said before: "in which I was a widow", or in the midst of what "and"
    joins; or ends before it has said what."""
    low = clause.sentence.low
    if _PART.match(low, clause.start, clause.end) or _ROW.match(low, clause.start, clause.end):
        return True
    if _LEADS_ON.search(clause.text.rstrip(" :,.-")) is not None:
        return True
    return (
        clause.joint in ("and", "plus", "or")
        and clause.sentence.original[clause.start].islower()
        and not _names_them(clause)
        and _GENERAL.match(low, clause.start, clause.end) is not None
    )


_OF_THEIRS = frozenset({"kin", "pet"})
"""Kinds of words for people and animals that are somebody's."""
_OPINION = re.compile(
    r"[\W\d]*(?:(?:and|but|so|yeah|honestly|personally) )*i (?:(?:really|honestly|personally|just|totally"
    r"|also|still"
    r"|completely) )*(?:think|feel like|guess|bet|hope|wonder|suppose|mean|agree|understand|imagine"
    r"|get (?:why|that|what)"
    r"|don't get|dont get|would say|'d say|enjoyed|liked|loved)(?![\w'])"
)
_GENERAL = re.compile(
    r"(?:[\w'-]+ ){1,6}?(?:is|are|can|brings?|helps?|makes?|gives?|keeps?|will|means?|feels?|should"
    r"|must)(?![\w'])"
)
_OWN = re.compile(r"(?<![\w'])(?:i|i'm|i've|im|ive|i'd|i'll|my|me|mine|we|we're|we've|our)(?![\w])")


def is_opinion(clause: Clause) -> bool:
    """Tells what the person thinks of something: a fact of them now and then."""
    return _OPINION.match(clause.sentence.low, clause.start, clause.end) is not None


_SHOWN = re.compile(r"(?<!\w)['\"](?!\d\ds?\b)\w|https?:|www\.|@")
"""Words that are shown and not said: quoted, an address."""


def _names_them(clause: Clause) -> bool:
    return _OWN.search(clause.sentence.low, clause.start, clause.end) is not None


def _names_theirs(clause: Clause) -> bool:
    words = clause.text.replace("'", " ").split()
    return any(_OF_THEIRS.intersection(CLASSES.get(word.strip(",.;:"), ())) for word in words)


def names_nobody(clause: Clause) -> bool:
    """Names neither the person nor anybody of theirs."""
    return not _names_them(clause) and not _names_theirs(clause)


def is_of_the_world(clause: Clause) -> bool:
    """Tells how things are, and names neither the person nor anybody of theirs."""
    if _names_them(clause):
        return False
    low = clause.sentence.low
    if _SHOWN.search(low, clause.start, clause.end) is not None:
        return True
    return _GENERAL.match(low, clause.start, clause.end) is not None and not _names_theirs(clause)


_READER = re.compile(r"(?<![\w'])(?:you|your|yours|yourself|u|ur|y'all)(?![\w])(?! know)")
_WORDS_OF_READER = words_of("you your yours yourself u ur y")


def is_to_reader(clause: Clause) -> bool:
    """Speaks to the reader, of whom no fact is kept: "I love your idea", "I bet you had fun"."""
    return clause.sentence.may_say(_WORDS_OF_READER) and _READER.search(clause.text) is not None


_HANGS = re.compile(
    r"(?:i|we|i'm|i've|we've|we're|i'd)"
    r"(?: (?!(?:because|as|since|and|but|when|if|where|how|that|which|what|until|before|after) )"
    r"[\w']+){1,3}? "
    r"(?:(?:it|him|them)(?= |$|,)"
    r"|her(?= (?:on|in|at|to|every|when|because|and|for|with|up|out|there|last|again|now)\b|$|,)"
    r"|(?:that|those|these)(?= (?:on|in|at|when|because|last|again|a lot|too|for|with|every|all|now|and|is"
    r"|was|are)\b"
    r"|$|,))"
    r"|(?:their|its|his|those|that|that's|this (?!(?:year|month|week|spring|summer|autumn|winter|fall"
    r"|christmas|time|is)\b)"
    r"|these (?!days\b))(?![\w'])"
)


def is_hanging(clause: Clause) -> bool:
    """Speaks of something that was named elsewhere: "we ring her on Sundays"."""
    return _HANGS.match(clause.sentence.low, clause.start, clause.end) is not None


_THOUGHT = re.compile(
    r"[\W\d]*(?:(?:and|but|so|yeah|honestly|personally|also) )*(?:i|we) (?:also |really |just )?"
    r"(?:don't |dont )?think (?!in\b)"
)
_CREED = re.compile(
    r"\b(?:should|shouldn't|must|ought|wrong|right|matters?|deserves?|everyone|everybody|nobody|every)\b"
)
_MOMENT = re.compile(
    r"[\W\d]*(?:as for (?:me|my day)|right now|about to|gonna|gotta|can't wait|cant wait|looking forward"
    r"|seems?|sounds?|looks?|sucks|feels like|quite a|such a|how (?:lucky|nice|cool)|hmm+|cool|nice|wow|idk"
    r"|i(?:'m| am|m) (?:off to (?:bed|work|sleep|dinner|lunch|have|get|the gym)|about to|just (?:about"
    r"|chilling|relaxing)|so|totally|always (?:down|up|looking|on the))"
    r"|i(?:'ve| have) been (?:so |really |pretty |super )?(?:busy|good|well|great|okay|ok|fine)\b"
    r"|i(?:'ve| have) (?:got )?(?:a lot|so much|lots) (?:going on|to do)"
    r"|i totally|i completely|i can imagine|i can't imagine|i(?:'d| would) love|i(?:'d| would) say|i bet"
    r"|i love (?:all the|how|when|that|this|your)|i like (?:how|when|the (?:way|look|idea))"
    r"|(?:my|our) (?:(?:all[- ]?time|absolute|personal|own) )*fav(?:ou?rite|e)?s? (?:one |ones "
    r"|part )?(?:is|are|was|were|has|would)"
    r"|(?:we|you) (?:gotta|have to|got to|need to|should)\b)(?![\w'])"
)


def is_remark(clause: Clause) -> bool:
    """A remark on what the talk is at: a judgement, a feeling, a favourite of a kind that is named
    elsewhere."""
    low = clause.sentence.low
    if _MOMENT.match(low, clause.start, clause.end):
        return True
    return _THOUGHT.match(low, clause.start, clause.end) is not None and (
        _CREED.search(low, clause.start, clause.end) is None
    )
