"""Where in a message somebody else's text begins that the person pasted: from there on nothing is their own
word."""

from __future__ import annotations

import re

from shared.english.role_play import is_role_play
from shared.english.spotting import BLANK, LOOK_BACK, hints

_WORK_ON = (
    r"translat\w+|proofread\w*|summari[sz]e|sum up|tl;?dr|rewrite|rephrase|paraphrase|reword|polish|correct"
    r"|edit|fix|grade|improve|shorten|simplify|classify|extract|continue|finish|critique|rate|convert"
    r"|mark up|annotate|respond to|reply to|answer this|conjugate|(?:grammar|spell(?:ing)?) ?check"
    r"|make (?:this|it)|turn this|review|analy[sz]e|feedback on|thoughts on|think of this|check|is this"
    r"|are these|goes like|how does this|interpret|explain"
)
_WORK_ON_HINTS = (
    "translat", "proofread", "summari", "sum up", "tldr", "tl;dr", "rewrite", "rephrase", "paraphrase",
    "reword", "polish", "correct", "edit", "fix", "grade", "improve", "shorten", "simplify", "classify",
    "extract", "continue", "finish", "critique", "rate", "convert", "mark up", "annotate", "respond to",
    "reply to", "answer this", "conjugate", "make this", "make it", "grammar", "spell", "turn this",
    "review", "analy", "feedback on", "thoughts on", "think of this", "check", "is this", "are these",
    "goes like", "how does this", "interpret", "explain", "is that", "is it",
)  # fmt: skip
_STRONG_HINTS = (
    "translat", "proofread", "summari", "rewrite", "rephrase", "paraphrase", "reword", "polish", "correct",
    "grade", "conjugate",
)  # fmt: skip
_STRONG_WORK_ON = (
    r"translat\w+|proofread\w*|summari[sz]e|rewrite|rephrase|paraphrase|reword|polish|correct|grade"
    r"|conjugate"
)
_TEXTS = (
    r"articles?|excerpt|passage|texts?|(?:e-?)?mails?|newsletters?|letter|essay|paragraphs?|poems?|story"
    r"|stories|lyrics"
    r"|songs?|transcript|reviews?|posts?|tweets?|diary|entry|memoir|messages?|chat|conversation|log|logs"
    r"|document|abstract|bio|resume|cv|speech|quote|sentences?|examples?|caption|description|script"
    r"|dialogue|profile|prompt|subject|draft|statement|comment|report|blurb|testimonial|obituary|monologue"
    r"|verse|chorus|answer key|conjugate"
)
_DEICTIC = (
    rf"this|these|that|following|below|attached|above|here|(?:the|my|his|her|our|their|'s"
    rf"|an?) (?:[\w-]+ ){{0,2}}(?:{_TEXTS})"
)
_PASTE_HEAD = re.compile(
    rf"\b(?:{_WORK_ON}|{_TEXTS}|wrote|writes|says?|said|claims|goes|replied|states|reads|texted|posted"
    rf"|correct)\b"
)
_COLON = re.compile(r":(?=\s|\x00)|\bsubject:")
_DEICTIC_WORD = re.compile(rf"\b(?:{_DEICTIC})\b")
_WORK_ON_WORD = re.compile(rf"(?:{_WORK_ON})(?!\w)")  # no \b before it: literals alone are found fast
_STRONG_WORK_ON_WORD = re.compile(rf"\b(?:{_STRONG_WORK_ON})\b")
_BARE_WORK_ON_WORD = re.compile(r"translat|proofread|grammar|spell|rephrase|reword|paraphrase|polish|correct")
_SHORT_REQUEST = 40
_SENTENCE_END = re.compile(r"[.?!:\n]")
_NOT_SPACE = re.compile(r"\S")


def is_introduced(text: str) -> int | None:
    """Where a pasted text begins that is introduced with a colon: "here is the article: ...", "proofread:
    ...".
    """
    for colon in _COLON.finditer(text) if ":" in text else ():
        begin = max(0, colon.start() - LOOK_BACK)
        head = text[begin : colon.start()]
        head = head[max(map(head.rfind, ".?!\n")) + 1 :]
        if _PASTE_HEAD.search(head + colon[0].removesuffix(":")) and not _is_delimited(text, colon.end()):
            return colon.end()
    return None


def is_handed_over(text: str) -> int | None:
    """Where a pasted text begins that follows its request: "fix this email⏎...", "Rewrite this letter? Dear
    ...".
    """
    if not hints(text, _WORK_ON_HINTS if "\n" in text else _STRONG_HINTS):
        return None
    for verb in _WORK_ON_WORD.finditer(text):
        if verb.start() and text[verb.start() - 1].isalnum():
            continue
        end = _SENTENCE_END.search(text, verb.end(), verb.end() + LOOK_BACK)
        if end is None or end[0] == ":":
            continue
        own_line = end[0] == "\n" or "\n" in text[end.end() : end.end() + 3]
        bare = own_line and end.end() - verb.end() < _SHORT_REQUEST and _BARE_WORK_ON_WORD.match(verb[0])
        if not bare and _DEICTIC_WORD.search(text, verb.start(), end.start()) is None:
            continue
        if not own_line and _STRONG_WORK_ON_WORD.match(text, verb.start()) is None:
            continue
        if _NOT_SPACE.search(text, end.end()) is not None and not _is_delimited(text, end.end()):
            return end.end()
    return None


def _is_delimited(text: str, start: int) -> bool:
    """True if the text that follows is in quotes or fences: it ends with them and is blanked already."""
    rest = text[start : start + 8].lstrip()
    return rest.startswith(BLANK)


_LETTER_HEAD = re.compile(r"(?m)^[ \t]*(?:dear [\w. ]{2,40}[,:]|subject: |from: |to whom it may)")
_LETTER_HINTS = ("dear ", "subject: ", "from: ", "to whom it may")
_SIGN_OFF = re.compile(
    r"(?m)^(?:best|regards|sincerely|yours|cheers|love|(?:best|kind|kindest|warm) (?:regards|wishes)"
    r"|yours (?:sincerely|faithfully|truly)),[ \t]*$"
)


def is_letter(text: str) -> int | None:
    """Where a letter or e-mail begins: a formal salutation; with a closing line, the whole message is one."""
    head = _LETTER_HEAD.search(text) if hints(text, _LETTER_HINTS) else None
    if head is not None:
        return head.start()
    return 0 if "," in text and "\n" in text and _SIGN_OFF.search(text) else None


TAILS = (is_introduced, is_handed_over, is_letter, is_role_play)

_EDIT_ABOVE = re.compile(
    rf"\b(?:{_STRONG_WORK_ON}|fix|edit|check|improve)\b[^.?!\n]{{0,30}}\b(?:(?:this|it|that|the above|above"
    rf"|my (?:grammar"
    r"|english|spelling|mistakes|writing|text|message|e-?mail|paragraph|sentence)))(?: (?:to|into|in|for"
    r"|please)\b[^.?!\n]{0,40}|[ \t]*(?=[.?!\n]|$))|is (?:this|that|it) (?:sentence |text "
    r"|paragraph )?(?:grammatical\w*|correct)|"
    rf"is this (?:a )?(?:good|strong|decent) (?:opening|start|{_TEXTS})[^.?!\n]{{0,40}}"
)

_EDIT_HINTS = (*_STRONG_HINTS, "fix", "edit", "check", "improve", "is this", "is that", "is it")
_IGNORED_AT_THE_END = " .?!\n\t" + BLANK


def asks_to_edit_the_above(text: str) -> bool:
    """True if the message ends by asking to correct or translate what it said before."""
    if not hints(text, _EDIT_HINTS):
        return False
    end = len(text.rstrip(_IGNORED_AT_THE_END))
    asked = _EDIT_ABOVE.finditer(text, max(0, end - LOOK_BACK), end)
    return any(found.end() == end for found in asked)
