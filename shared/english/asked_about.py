"""Where in a message a text begins that the person shows and asks about: a page, a mail, a log, a table. From
there on nothing is their own word, to whom it may speak.

They say so ("Is this email spam?", then a blank line), or the text shows it: rows of a table, a document's
marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from shared.english.spotting import BLANK, LOOK_BACK, found_near, hints, sentence_begin

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_POINTS_AT = re.compile(
    r"\b(?:(?<!like )this(?! (?:week|weekend|month|year|morning|afternoon|evening|summer|winter|spring"
    r"|autumn|fall"
    r"|time|way|point|moment|season|semester|term|situation)\b)|(?:these|those)(?! days\b)|following"
    r"|below|attached"
    r"|(?<!live )(?<!living )(?<!work )(?<!new )(?<!move )(?<!moved )(?<!born )(?<!am )(?<!'m )(?<!'re )here"
    r"(?! (?:in|for|since|now|and|because|as)\b))\b"
)
_OF_THEM = re.compile(
    r"\b(?:help|advice|advise|recommend\w*|suggest\w*|decide|deal with|handle|about me|my (?:situation"
    r"|background"
    r"|details|info\w*|profile|story|case|plan|goals?))\b"
)
_FIRST_PERSON = re.compile(r"[\s\-*•\d.)]{0,20}(?:i|i'm|im|i've|i'd|my|we|we're|we've|our)\b")
_REPLY_WANTED = re.compile(
    r"\b(?:(?:what|how) (?:should|do|can|would|could|shall|must) (?:i|we) (?:say|repl\w+|answer|respond"
    r"|write|react"
    r"|text)\b|how to (?:reply|answer|respond|react)\b)[^.?!:\n]{0,60}[.?!:]?[^\S\n]*\n"
)
_REPLY_HINTS = ("what ", "how ")
_ROWS = re.compile(
    r"(?m)^[^\n,;\t]{0,60}(?:[,;\t][^\s,;\t][^\n,;\t]{0,60}){2,}$\n(?=[^\n]{0,300}[,;\t][^\n]{0,300}[,;\t])"
)
_DOCUMENT = re.compile(
    r"(?m)^[^\S\n]*(?:\\(?:documentclass|begin|usepackage)\b|begin:v\w+|---\n\w+:|diff --git|traceback \(most"
    r"|(?:commit|author|merge):? [0-9a-f]{7,}|-{3,} ?(?:forwarded|original|begin)|#{1,6} (?:instructions?"
    r"|system|input"
    r"|response|prompt)\b|\d\d?:\d\d:\d\d[,.]\d+ ?--+>|\d{4}-\d\d-\d\d[ t]\d\d:\d\d"
    r"|\[?\d\d?:\d\d(?::\d\d)?\]?[^\S\n]"
    r"+\w[^\n:]{0,30}:|(?:exercise|aufgabe|task) \d+[.:)]|curriculum vitae)"
)
_PAGE = re.compile(
    r"(?m)^[^\S\n]*(?:skip to (?:main )?content|menu|share (?:this|on)\b|leave a comment|posted (?:on"
    r"|by)\b|\d+ comments?$"
    r"|subscribe\b|cookies?\b|your email address|all rights reserved|http/\d"
    r"|[\w-]{2,30}: [\w/-]+/[\w+.-]+$|\$ \w"
    r"|\w{1,30}@[\w-]{1,40}[:~$]|#{1,6} |step \d+[.:]|warning:|note:|q\d+[:.)]|[a-d]\) |\(?[a-d]\) "
    r"|\d+ (?:likes?"
    r"|reposts?|replies"
    r"|people found)|[^\n]{2,40}@\w{2,20} · |[^\n]{2,30} {1,4}\d\d?:\d\d (?:am|pm)?$|(?:best|regards"
    r"|cheers|thanks|kind"
    r" regards|best regards|sincerely),?$|(?:hi|hello|hey|dear) [\w. ]{2,30},$|model [\w-]+ user manual|★"
    r"|•{2}"
    r"|(?:sales|account|office|project|marketing|product) manager\b|(?:ltd|inc|gmbh)\.?$)"
)
_ABOUT_IT = re.compile(
    r"\W*why\W*$|.*\b(?:it|he|she|they|him|them|this|that|these|those|above|add|shorten|explain|fix"
    r"|correct|translate"
    r"|summari[sz]e|rewrite|improve|sort|convert|type|mean|means"
    r"|the (?:file|code|text|message|sentence|answer|body|picture|command|line|error|script|list|table"
    r"|post|mail))\b"
)
_THEIRS = re.compile(r"\b(?:i|i'm|i've|me|my|mine|we|our|us|you|your)\b")
_REQUEST = 80
"""Most characters of a request below what it is about."""
_MARKS_OF_A_PAGE = 2
_ABROAD = re.compile(
    r"(?:翻译|翻譯|总结|解释|改写|润色|以下|下面|这段|訳し|翻訳|要約|次の|перевед|перескаж|исправь|объясни|значит|текст"
    r"|письмо|ترجم|لخص|اشرح|صحح|הנה|תרגם|번역|요약|다음|tradu[cizs]|résum|resum|riassum|corrig|korrigier|übersetz"
    r"|fasse|zusammenfass|erklär|vertaal|przet[łl]um|przeczyt|käännä|tiivistä|översätt|sammanfatta"
    r"|oversett|çevir"
    r"|μετάφρασ)[^\n:：]{0,80}(?:[:：]|[?.!]?[^\S\n]*\n)"
)
_ABROAD_HINTS = (
    "tradu", "resum", "riassum", "corrig", "korrigier", "fasse", "zusammenfass", "vertaal", "przet",
    "przeczyt", "oversett", "sammanfatta",
)  # fmt: skip
"""Of them those that are written in plain letters."""
_SUPPOSED = re.compile(
    r"(?:^|(?<=[.?!\n])|(?<=[.?!\n] ))[ \t\-*•]{0,10}(?:ok |okay |so |now |well |and |but )?(?:suppose"
    r"|imagine|pretend"
    r"|picture this|hypothetical\w*|let's (?:say|assume|suppose|imagine|pretend)|what if|assum(?:e|ing) "
    r"|for the sake of"
    r"|examples? of|consider (?:this|the following))\b"
)
_SUPPOSED_HINTS = ("suppose", "imagine", "pretend", "picture this", "hypothetical", "let's ", "what if",
"assum",
                   "for the sake", "example", "consider ")  # fmt: skip
_QUOTING = re.compile(
    r"\b(?:type|paste|say|send|enter|try) (?:in )?the following\b|\b(?:and )?i quote\b|\bquote unquote\b"
    r"|\bin (?:his|her|their) (?:own )?words\b|^decode\b"
)
_QUOTING_HINTS = ("quote", " words", "decode", "the following")
_TO_MACHINES = re.compile(
    r"\b(?:the user(?:'s)? (?:wants?|is|has|likes?|prefers?|new|address|said|asked|needs|would|must|should)"
    r"|that the user|tell the user|to the user|the user (?:about|lord)|call the user"
    r"|(?:all )?(?:previous|prior|earlier|above) instructions|as an ai|you are now|user profile)\b"
    r"|(?:^|(?<=[.?!\n\]]) ?)[^\S\n]*(?:system|assistant|developer|user|instructions?)(?: prompt| message)?:"
    r"|<\|\w+\|>|\[inst\]"
)
_TO_MACHINES_HINTS = (
    "the user", "instructions", "as an ai", "you are now", "system", "assistant", "developer", "user", "<"
    "|", "[inst]",
)  # fmt: skip


def is_shown(text: str) -> Iterator[tuple[int, int]]:
    """What follows a blank line after a sentence that points at it: "Is this email spam?", "How do I install
    this?". Somebody who asks for help and goes on to speak of themselves shows nothing; what stands between
    fences or quotation marks ends with them, and is blanked already."""
    for end in _BLANK_LINE.finditer(text) if "\n" in text else ():
        begin, stop = max(0, end.start() - LOOK_BACK), end.start()
        line = max(begin, text.rfind("\n", begin, stop) + 1)
        if _POINTS_AT.search(text, line, stop) is None or text.startswith(BLANK, end.end()):
            continue
        if _OF_THEM.search(text, line, stop) and _FIRST_PERSON.match(text, end.end()) is not None:
            continue
        yield end.end(), len(text)
        return


def is_answered(text: str) -> int | None:
    """Where a text begins that the person is to answer."""
    if "\n" not in text:
        return None
    found = found_near(_REPLY_WANTED, text, _REPLY_HINTS)
    return None if found is None else found.end()


def is_document(text: str) -> Iterator[tuple[int, int]]:
    """Rows of a table, a log, a patch, a page of LaTeX, subtitles and the like, with all that follows."""
    if "\n" not in text:
        if _DOCUMENT.match(text) is not None:
            yield 0, len(text)
        return
    starts = [found.start() for pattern in (_ROWS, _DOCUMENT) if (found := pattern.search(text))]
    if starts:
        yield min(starts), len(text)


def is_page(text: str) -> Iterator[tuple[int, int]]:
    """A whole message that has the marks of a page, a letter, a session or a form on several of its lines."""
    if text.count("\n") < _MARKS_OF_A_PAGE:
        return
    if sum(1 for _ in islice(_PAGE.finditer(text), _MARKS_OF_A_PAGE)) == _MARKS_OF_A_PAGE:
        yield 0, len(text)


def is_below(text: str) -> Iterator[tuple[int, int]]:
    """Lines above a short request that speaks of them ("explain this", "is he angry?", "why?"), unless they
    begin with the person themselves."""
    end = text.rstrip()
    cut = max(end.rfind("\n\n"), end.rfind("\n \n"))
    request = end[cut:].strip()
    if cut < 0 or len(request) > _REQUEST or "\n" not in end[:cut].strip():
        return
    if _THEIRS.search(request) or not _ABOUT_IT.match(request) or _FIRST_PERSON.match(end):
        return
    yield 0, cut


def is_foreign_request(text: str) -> int | None:
    """What follows a request to translate, explain or correct it in another language than English."""
    if text.isascii() and not hints(text, _ABROAD_HINTS):
        return None
    found = _ABROAD.search(text)
    return None if found is None else found.end()


def is_supposed(text: str) -> int | None:
    """Where the person begins to suppose."""
    found = found_near(_SUPPOSED, text, _SUPPOSED_HINTS)
    return None if found is None else found.start()


def is_cited(text: str) -> int | None:
    """What is announced as somebody's words without a mark around them."""
    found = found_near(_QUOTING, text, _QUOTING_HINTS)
    return None if found is None else found.end()


def is_for_machines(text: str) -> int | None:
    """Where a sentence begins that speaks to a machine about "the user": nobody calls themselves so."""
    found = found_near(_TO_MACHINES, text, _TO_MACHINES_HINTS)
    return None if found is None else sentence_begin(text, found.start())


SHOWN = (is_answered, is_foreign_request, is_supposed, is_cited, is_for_machines)
