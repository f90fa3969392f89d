"""Where a sentence falls apart into clauses, and what a clause begins with that says nothing."""

from __future__ import annotations

import re

from shared.english.own_labels import FIELDS, MOST_CHARS
from shared.english.words import words_of

_I = r"(?:i|i'm|im|i've|ive|i'd|i'll|we|we're|we've|we'd|we'll)(?![\w'])"
_SUBJECT = rf"(?:{_I}|(?:my|our)(?![\w']))"
_ASK = (
    r"(?:(?:can|could|would|will) (?:you|i|we|u)|should (?:i|we)|do (?:i|you|we)|is (?:it|there|this|that"
    r"|my)|are (?:there|you)|how(?:'s| |$)|what(?:'s|s)? |where (?:can|do|should|is|are)"
    r"|which (?:one|ones|of (?:these|those|them|the)|[\w-]+ (?:should|do|would|is|are|can|to)) "
    r"|who (?:can|should)|why (?:do|is|are|does)|when (?:should|can|do|is)|does (?:it|this|that)"
    r"|any (?:\w+ )?(?:ideas|tips|advice|suggestions?|recommendations?|recs|thoughts|chance|good)|please"
    r"|pls|plz|help me|give me|suggest|recommend|tell me|write (?:me )?|show me|plan (?:me|my|a)|explain"
    r"|need (?:help|some|a|ideas)|looking for|thoughts\?|(?:[\w-]+ ){0,2}(?:ideas|tips|advice|suggestions"
    r"|recommendations)\b|help\b)"
)
_VERB = (
    r"(?:is|are|was|were|am|has|have|had|does|do|did|can|could|will|would|isn't|aren't|wasn't|weren't"
    r"|hasn't|haven't|hadn't|doesn't|don't|didn't|can't|won't|wouldn't|cannot|got|gets|get|gave|gives|says"
    r"|said|thinks|wants|wanted|needs|lives|lived|live|works|worked|work|loves|loved|love|likes|like|hates"
    r"|hated|hate|came|comes|come|goes|went|go|keeps|kept|keep|makes|made|takes|took|teaches|taught|runs"
    r"|ran|plays|played|died|passed|turned|turns|started|starts|moved|left|stopped|broke|bought|sold|called"
    r"|told|knows|knew|means|lets|helps|brought|studies|speaks|uses|used|wears|eats|won|lost|paid|pays"
    r"|never|still|always)(?![\w'-])"
)
_NOUN = r"(?:(?!(?:who|which|that|when|where|if|and|or|to|with|of) )[\w'-]+ )"
_WHEN = (
    r"(?:(?:today|tonight|tomorrow|yesterday|now|sometimes|these days|nowadays|already|recently"
    r"|(?:last|next|this|every|on|in|by|since|until) (?:the )?[\w'-]+),? )?"
)
_NAMED = (
    r"(?!(?:who|which|that|what|where|when|if|and|or|but|as|more|then|me|him|her|us|while) )"
    r"[^\W\d_][\w'.-]+(?: (?!who |which |that )[^\W\d_][\w'.-]+)? (?:is|are|was|were|has|have|had|did|does"
    r"|will|wants|wore|said|says|never) |[^\W\d_]+'s (?:been|being|got|a|the|not|never|\w+ed|\w+ing) "
)
_OTHER = (
    r"(?:(?:he|she|they|it|nobody|everyone|everybody|no one|you)(?:'(?:s|re|ll|ve|d))? (?!and )"
    r"|its (?:a|the|not|been|so) |it's |(?:this|that|these|those)(?:'s| (?:is|was|are|were|made|means|will"
    rf"|took)) |(?:the|his|her|their|a|one|some|this|that|people|mum|dad|mom) {_NOUN}{{0,3}}?{_VERB}"
    rf"|{_NAMED})"
)
_CLAUSE = (
    rf"(?:{_WHEN}(?:{_I}|(?:my|our) {_NOUN}{{1,4}}?(?:{_VERB}|[a-z]{{3,}}ed )|(?:my|our) [\w-]+'s |{_OTHER}))"
)
"""What tells anew of somebody: of the person, or of another, with a verb."""
_NOTE = (
    r"(?:been|gonna|still (?:can't|cannot|have|need|get|do|give)|got (?:a|an|my|the|no|two|three|four|five"
    r"|\d+|ten|eleven) |used to|trying to|currently|don't|dont|put (?:that|it)|imagine|pray|guess"
    r"|be (?!(?:it|they|he)\b)|make (?:it|sure)|keep (?:it|in)|fingers crossed|mostly \w+ing)(?![\w'])"
)
"""What a note without a subject begins with, and a request."""
_THIRD = r"(?:he|she|they|it|it's|that|this|the|his|her|there|nobody|people)(?![\w'])"
"""Of whom a reason or a contrast speaks that belongs to what it is given for."""
_CAUSE = (
    r"(?:(?:i'm|im|i am|we're|we are)(?! (?:\d|\w+teen|ten|eleven|twelve|\w+ty)\b)|i've|ive|we've"
    r"|(?:i|we) (?:have|do|don't|dont|can|can't|cant|cannot|only|also|already|never|no longer|live|work|love"
    r"|like|hate|prefer|use|run|own|share|need|want|haven't|teach|drive|speak|study|rent|keep|get|eat|play)"
    r"|(?:my|our) (?:[\w'-]+ ){1,3}?(?:is|are|has|have|does|do|doesn't|don't|can't|won't|works|lives|keeps"
    r"|likes|loves|hates|needs))(?![\w'])"
)
"""What follows a "since" that gives a reason, and no time."""
JOINT = re.compile(
    r"[\s,;:–—()](?:(?<=[;–—])\s*|(?<=\s)-+\s+|(?<=:)\s+"
    rf"|(?<=\()\s*(?={_SUBJECT})|(?<=\))\s+(?={_SUBJECT})"
    rf"|(?<=,)\s+(?:(?={_ASK})|(?={_CLAUSE}|{_NOTE})(?P<new>))"
    r"|(?:(?<=\s)|(?<=,)\s+)(?P<word>and|but|so|also|plus|whereas|yet|or|then|(?:while|because"
    rf"|although|though|cause|cos|cuz|bc)(?! {_THIRD})|(?<!ever )since(?=\s+{_CAUSE}))\s+"
    rf"(?!i (?:are|were)\b|that (?:i|we|my)\b)(?:(?=(?:also |now |actually |honestly )?(?:{_CLAUSE}))"
    rf"|(?=(?:also |now |actually |honestly )?(?:{_ASK}|want to know|need to|would like to|was wondering))"
    r"(?P<ask>)|(?<=, so )(?!far |that |much |many |long |on |to )"
    r"|(?<=so )(?=(?:be|don't|dont|use|keep it|no|not|nothing|now|which|when|imagine|put) ))"
    r"|(?<=\s)(?=(?:(?:can|could) (?:you|i|we)\b|how (?:do|can|should|would|to|much|long|many)\b"
    r"|what (?:should|can|do|are|would)\b|where (?:can|do|should)\b|should i\b|please (?!d)))"
    r"(?P<asked>))"
)
"""Where a sentence may fall apart: at dashes and colons, before a new "I ..." or "the house is ...", before a
question or a request. It begins with a plain set of characters, which makes the search several times
faster."""
CUT_LEAD = re.compile(
    r"[\s\-*•–—>.)(,:!…~]*(?:\d{1,2}[.)][\s*_]+)?(?:(?:(?:still(?=,)|hi|hello|hey|hiya|good (?:morning"
    r"|evening|afternoon))(?: there| all"
    r"| everyone| claude| chatgpt| gpt)?|ok|okay|so|well|also|and|but|btw|by the way|fyi|actually|anyway"
    r"|anyways|o+h|a+h|aye|nah|wow|hehe|omg|cos|bc|ha|haha|lol|yes|yep|yeah"
    rf"|no(?=[,.!:…]|\s+{_SUBJECT})|nope|thanks|thank you|thx|ty|sorry|honestly|frankly"
    rf"|basically|plus|because|(?:since|considering)(?=\s+{_CAUSE})|as(?=\s+{_SUBJECT})|given that"
    r"|given|seeing as|seeing that|now that|although|though|even though|while(?!\s+(?:i|we) w)"
    r"|just so you know|so you know|for (?:some )?(?:context|reference|background)"
    r"|for the record|(?:some |quick )?(?:context|background)|please note(?: that)?|note(?: that)?"
    r"|(?:please )?remember(?: that)?|keep in mind(?: that)?|bear in mind(?: that)?"
    r"|(?:please )?don't forget(?: that)?|i should (?:also )?(?:mention|add|say)(?: that)?|i must (?:add"
    r"|say|admit)(?: that)?|worth (?:noting|mentioning|knowing)(?: that)?|i forgot to (?:mention"
    r"|say)(?: that)?|did i mention(?: that)?|as (?:you (?:may |might )?know|i (?:said|mentioned)(?: before"
    r"| earlier)?|mentioned)|if it helps|if it matters|in case it (?:matters|helps)|(?:the )?thing is"
    r"|the (?:fact|truth) is|fact is|truth is|to be honest|tbh|fun fact|one more thing|another thing"
    r"|one thing|a bit about me|about me|(?:my |the )?situation|(?:quick )?question|p\.?s\.?|edit|update"
    r"|side note|reminder|constraints?(?=:)|details(?=:)|preferences(?=:)"
    r"|first of all|firstly|secondly|finally(?=,)|personally|unfortunately|sadly|luckily|fortunately"
    r"|of course)(?=[\s,:!.\-–—…])[\s,:!.\-–—…]*)*"
)
"""Greetings and fillers, with which no statement begins. What carries the sense stays: the "no" of "no milk
for me", the "as" of "as a nurse", the "since" of "since 2019"."""
KEEP_LEAD = re.compile(
    r"(?:(?:(?:in|on|since|from|until|by|around|back in|during|at|for|after|before) (?!case|general|fact"
    r"|the (?:form|game|scenario|story|ideal))[^,]{2,40}?|(?:last|next) \w+|yesterday|today|tonight|tomorrow"
    r"|now|every [\w ]{3,20}?|(?:\w+ ){1,2}ago|these days|nowadays|most (?:days|mornings|evenings|weekends)"
    r"|from now on|going forward|by default|when(?:ever)? (?:you|i) [^,]{3,60}|as an? [^,]{3,40}|recently)"
    r"(?:,\s+|\s+)){1,2}"
    rf"(?=(?:{_SUBJECT}|please |always |never |use |don't |do not |keep |answer |reply |respond |give "
    rf"|write |call |be |avoid |say |tell |ask ))"
)
"""The time or place that a statement begins with."""
_STANDING_LEAD = re.compile(
    r"[\s\-*•]*(?:in (?:the )?future|from now on|going forward|by default|when(?:ever)? you [^,]{3,60})"
)
_HOLDS_FOR = re.compile(
    r"[\s\-*•]*(?:(?:and|but|so|ok|well) )?(?:when(?:ever)?|once|after|before|until|every time|as soon as"
    r"|the (?:day|year|moment)|while (?:i|we) w)\b"
    r"|(?:in|on|at|by|for|from|during|with|as|being|every|since)"
    r"(?: (?!(?:i|we|my|our|i'm|im)\b)[\w'-]+){1,6}\s*$"
)
"""The beginning of a clause that says when or as what the next one holds, and is none by itself."""
_KNOWING = re.compile(
    r"(?<![\w'])(?:know|knew|knows|knowing|forgot|forgotten|learn|learned|learnt|learning|taught|teach"
    r"|teaches|figure out|figured out|on|about|of|me|him|her|us|you|understand|remember|decide|see|idea|and"
    r"|explain|wondering|wonder)$"
)
"""What "how to" and "what I should" belong to."""
_NO_NAME = words_of(
    "i i'm im i've ive i'd we we're we've is are was were am has have had does do did can will got get like "
    "love hate need want use live work just been not no yes yeah ok okay thanks so but and then hi hello hey "
    "sorry"
)
"""Words that are no part of "Hattie" in "Hattie and I"."""
_KIN = words_of(
    "mum mom mam dad wife husband hubby partner sister brother sis bro son daughter boyfriend girlfriend gf "
    "bf nan grandma grandpa mama papa amma appa"
)
_OWNED = frozenset({"my", "our", "their", "his", "her", "the", "both", "me"})
_PERSON_BEFORE = re.compile(r"(?<![\w'])(?:he|she|they|me|him)\s*$")
_OF_THEM = re.compile(_SUBJECT)
_IF = re.compile(r"(?:^|[\s,])if (?:i|we|you|he|she|they|it|my|the)\b[^,]*$")
_MOST_WORDS = 5
"""Words of the first part of one subject."""
_LOOK_BACK = 12
_NEARBY = 100
_LONGEST_PART = 60


def belongs(original: str, low: str, start: int, joint: re.Match[str]) -> bool:
    """Whether what follows the joint belongs to the clause that begins at `start` of `low`, the folded text
    of `original`."""
    end = joint.start()
    if _STANDING_LEAD.fullmatch(low, start, end):
        return True
    if joint["asked"] is not None:
        return _KNOWING.search(low, max(start, end - _LOOK_BACK), end) is not None
    if low[end] == ":":
        return low[max(start, end - MOST_CHARS) : end].strip(" \t-*•").removeprefix("my ") in FIELDS
    if joint["word"] == "and" and joint["ask"] is None:
        return _is_first_part(original, low, start, end) or _HOLDS_FOR.match(low, start, end) is not None
    if joint["new"] is not None:
        if _HOLDS_FOR.match(low, start, end) is not None:
            return True
        of_them = _OF_THEM.match(low, joint.end()) is not None
        return not of_them and _IF.search(low, max(start, end - _NEARBY), end) is not None
    return joint["word"] == "so" and low.startswith(("i can ", "we can "), joint.end())


def _is_first_part(original: str, low: str, start: int, end: int) -> bool:
    """Whether these words are the first part of a subject of two: "My wife" and I."""
    cut = CUT_LEAD.match(low, start, end)
    start = cut.end() if cut is not None else start
    if _PERSON_BEFORE.search(low, max(start, end - _LOOK_BACK), end):
        return True
    if end - start > _LONGEST_PART:
        return False
    words = low[start:end].replace(",", " ").split()
    if not 0 < len(words) <= _MOST_WORDS or any(word in _NO_NAME or "'" in word for word in words):
        return False
    if words[0] in _OWNED:
        return len(words) > 1
    return (original[start].isupper() and len(words) <= 3) or words[0] in _KIN
