"""Why a clause that matches a rule may still be no fact about the person. Each guard answers True to refuse.

`EVERY_FACT` is asked for each match; a rule names the further guards it needs. A guard sees the clause and
the match of the rule's shape in the clause's plain text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from itertools import pairwise

from shared.english.sentences import NEARBY, Clause, Sentence
from shared.english.words import REPLY_NOUNS, TECHNICAL, TOOLS, words_of
from shared.models.rules.when import has_day

Match = re.Match[str]
Guard = Callable[[Clause, Match], bool]

_WORD = re.compile(r"[\w&'-]+")
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
_PASSING = re.compile(
    r"(?<![\w'])(?:today|tonight|right now|at the moment|this (?:morning|afternoon|evening|time|second"
    r"|minute)|just now|for now|in (?:an|a few|\w+) (?:hours?|minutes?)|at this point)(?![\w'])"
)
_ANAPHORA = re.compile(
    r"(?:it|this|that|these|those|them|him|her|both|all|option|options|number|how|when|what|where|why|who"
    r"|if|you|your|yours|u|here|there|one|#?\d+|[a-z]|something|anything|everything|nothing|more|most|less"
    r"|so|such|which|to (?:say|see|ask|know|think|hear|admit|bother|be (?:honest|that|a)|have|get|keep it"
    r"|do (?:this|that|it)|make (?:this|it|sure)|use (?:this|that|it)))(?![\w'-])"
)
_TASK = re.compile(
    r"(?:it|this|that|these|those|you|your|so|there|we|i|my|he|she|they|me|answer|problem|issue|error|bug"
    r"|formula|question|solution|code|reason|second|first|last|file|function|output|result|correct|mistake"
    r"|word|sentence|difference|term|movie|song|book|main|right)(?![\w-])"
)
_HOUR = re.compile(r"(?<![\w'])(?:today|tonight|right now|in (?:an|a few|\w+) (?:hours?|minutes?))(?![\w'])")
_STANDING = re.compile(
    r"\bfrom (?:now|here) on|\bin (?:the )?future\b|\bgoing forward|\bby default|\bwhen(?:ever)? (?:you"
    r"|i) \w|\bevery time|\ball (?:your|future)|\bthat always\b|\balways\b|\bany time\b|\bin all\b"
    r"|\bevery (?:answer|reply|response)"
)
_THIS_TASK = re.compile(
    r"\b(?:this|these|here|the (?:above|below|following|first|second|third|last|paragraph|table|text|code"
    r"|essay))(?![\w-])"
)
_NAME = re.compile(r"(?<![\w'’])(?!I(?![\w-]))(?:[A-Z][\w-]*|\d[A-Z]\w*)")
_ARTICLE = re.compile(r"(?:the|a|an|my|our|his|their|some|any)\s+")


def is_scenario(sentence: Sentence) -> bool:
    """ "Suppose ...", "Imagine ...", "Consider this scenario.": what follows is invented, up to the end."""
    return _SCENARIO.match(sentence.low, sentence.start, sentence.end) is not None


def is_question(clause: Clause, _: Match) -> bool:
    """The clause ends in a question mark; a clause before a separate question does not."""
    return clause.last and clause.sentence.asks


def is_conditional(clause: Clause, _: Match) -> bool:
    """Stands after an "if", a wish or a "maybe" in its sentence."""
    return clause.body > clause.sentence.start and _CONDITION.search(clause.before) is not None


def is_reported(clause: Clause, _: Match) -> bool:
    """Stands after "she said", "according to": somebody else's claim."""
    before = clause.before
    return bool(before) and _REPORTED.search(before) is not None and _I_SAID.search(before) is None


def is_uncertain(clause: Clause, _: Match) -> bool:
    """The person is not sure, or joking."""
    low, end = clause.sentence.low, min(clause.sentence.end, clause.end + NEARBY)
    return _UNCERTAIN.search(low, clause.start, end) is not None


def is_sarcastic(clause: Clause, _: Match) -> bool:
    """Irony that shows in its wording."""
    return _SARCASTIC.search(clause.around) is not None


EVERY_FACT: tuple[Guard, ...] = (is_question, is_conditional, is_reported, is_uncertain, is_sarcastic)


def is_transient(clause: Clause, _: Match) -> bool:
    """Holds today or at this moment only."""
    return _PASSING.search(clause.text) is not None


def is_technical(_: Clause, found: Match) -> bool:
    """About code, files or programs at hand: "I stopped the container", "my function is called twice"."""
    return not TECHNICAL.isdisjoint(_WORD.findall(found.string))


def is_about_the_answer(_: Clause, found: Match) -> bool:
    """What follows the match is "it", "this", "the second one": the conversation itself."""
    rest = found.string[found.end() :].lstrip()
    if _ANAPHORA.match(rest):
        return True
    article = _ARTICLE.match(rest)
    words = _WORD.findall(rest[article.end() if article else 0 :][:60])
    if not words:
        return True
    named_of = len(words) > 1 and words[1] == "of" and words[0] in ("taste", "smell", "sound")
    return article is not None and words[0] in REPLY_NOUNS and not named_of


def is_about_the_task(_: Clause, found: Match) -> bool:
    """The object is the matter at hand: "I believe the second formula is wrong", "I believe you ..."."""
    return _TASK.match(found.string, found.end()) is not None


def is_passing_hour(clause: Clause, _: Match) -> bool:
    """Bound to an hour or to today rather than to a day."""
    return _HOUR.search(clause.text) is not None


def is_no_standing_wish(clause: Clause, _: Match) -> bool:
    """A request without "from now on", "in future", "whenever": it asks for this once."""
    return _STANDING.search(clause.text) is None


def is_about_this_task(clause: Clause, _: Match) -> bool:
    """Asks something of the text at hand: "in this paragraph", "the second table"."""
    return _THIS_TASK.search(clause.text) is not None


def is_undated(clause: Clause, _: Match) -> bool:
    """Names no day or period."""
    return not has_day(clause.text)


def is_unnamed(clause: Clause, _: Match) -> bool:
    """Holds no proper name: no capitalised word after its first."""
    return _NAME.search(clause.sentence.original, clause.body + 2, clause.end) is None


def is_no_tool(clause: Clause, found: Match) -> bool:
    """What is used has neither a proper name nor a place among the known tools."""
    first = _WORD.search(found.string, found.end())
    return is_unnamed(clause, found) and (first is None or first[0] not in TOOLS)


def is_plural(clause: Clause, _: Match) -> bool:
    """Speaks of "we": a company or a group, not the person."""
    return clause.text.startswith(("we ", "we'", "our "))


_HEAD_END = words_of(
    "and or but who that which with at in on for from of by to living working based trying looking so "
    "because as since currently when where then than if while whose specializing specialising writing here "
    "studying about after running doing making turned raising teaching like not until under over near "
    "without who's"
)


def head_words(found: Match, most: int = 7) -> tuple[str, str]:
    """The last word and the last two words of the noun phrase that follows the shape's match."""
    words: list[str] = []
    rest = found.string[found.end() :]
    for word in _WORD.finditer(rest):
        if word[0] in _HEAD_END or len(words) >= most or (words and rest[word.start() - 1] in ",;(/"):
            break
        words.append(word[0])
    return (words[-1] if words else "", " ".join(words[-2:]))


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def headed_by_none_of(heads: Collection[str], pairs: Collection[str] = ()) -> Guard:
    """Refuses unless the noun phrase after the match ends in one of `heads` (or its plural) or `pairs`."""

    def guard(_: Clause, found: Match) -> bool:
        head, pair = head_words(found)
        return head not in heads and _singular(head) not in heads and pair not in pairs

    return guard


def without_any_of(words: Collection[str], pairs: Collection[str] = (), most: int = 8) -> Guard:
    """Refuses unless one of `words` or `pairs` is among the first `most` words after the match."""

    def guard(_: Clause, found: Match) -> bool:
        near = _WORD.findall(found.string[found.end() :])[:most]
        if any(word in words or _singular(word) in words for word in near):
            return False
        return not any(f"{one} {two}" in pairs for one, two in pairwise(near))

    return guard


def first_word_not_in(words: Collection[str]) -> Guard:
    """Refuses unless the first word after the match is one of `words`."""

    def guard(_: Clause, found: Match) -> bool:
        first = _WORD.search(found.string, found.end())
        return first is None or first[0] not in words

    return guard
