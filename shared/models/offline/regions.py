"""Which parts of a message are the person's own words. The rest is blanked out before any rule looks at it.

`own_words` returns the folded text with every foreign character replaced by BLANK, so offsets stay true. Each kind of
foreign text has its own function below; to teach the model a new kind, add a function and name it in `_SPANS`
(a stretch of its own) or `_TAILS` (everything after a certain point). All of them take linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

BLANK = "\x00"
"""Stands for a character that is not the person's own. Exports hold no NUL: the chunker repairs text."""

Span = tuple[int, int]

_FENCE = "```"
_INLINE_CODE = re.compile(r"`[^`\n]{1,500}`")
_DOUBLE_QUOTED = re.compile(r'(?<![\w"])"[^"\n]*"?')
_SINGLE_QUOTED = re.compile(r"(?<![\w'])'(?=\w)(?:[^'\n]|(?<=\w)'(?=\w)){2,400}+'")
_STAGE_DIRECTION = re.compile(r"(?m)^[ \t]*\*(?=\S)[^*\n]{1,300}\*[^\n]*")
_FOREIGN_LINE = re.compile(r"(?m)^(?:>|\t| {4,}(?=\S)|[ \t]*(?://|/\*|#|\||--\w|--\s*$|<\w|\$ ))[^\n]*")
_PROGRAM_MARK = re.compile(
    r"(?m)[;{}][ \t]*$|=>|==|\w\(\)|\w\(\"|[\w\])] ?\+?= ?[\w\[(\"]|^(?:insert into|select) |\bvalues \("
)
_PROGRAM_HINTS = ("=", ";", "{", "}", "()", '("', "insert into", "select ", "values (")
_OWN_LABELS = (
    "context|some context|quick context|background|some background|about me|a bit about me|me|info|note|notes|side note|"
    "fyi|ps|p.s.|p.s|edit|update|situation|my situation|age|job|diet|location|reminder|for context|for background|"
    "for reference|also|btw|tldr|tl;dr|constraints|details|hobbies|goal|goals|likes|dislikes|allergies|preferences|"
    "facts about me|question|quick question|hi|hello|ok|problem|issue|request|help|thing is|my details|my info|my background|preferred name|name|role|occupation|other information"
)
_SPEAKER_LINE = re.compile(
    rf"(?m)^[ \t]*(?:\[?\d{{1,2}}:\d\d[^\n]*|(?!(?:{_OWN_LABELS}):)[a-z][\w'-]{{0,20}}(?: [\w'-]{{1,20}})?:(?= |\n)[^\n]*)"
)


def own_words(folded: str) -> str:
    """`folded` with all that is not the person's own speech blanked out; the same length."""
    text = folded
    for spans in _SPANS:
        text = _blank(text, spans(text))
    for tail in _TAILS:
        start = tail(text)
        if start is not None:
            text = text[:start] + BLANK * (len(text) - start)
    text = _blank(text, is_dialogue(text))
    return BLANK * len(text) if _asks_to_edit_the_above(text) else text


def _blank(text: str, spans: Iterator[Span]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces.append(text[done:start])
        pieces.append(BLANK * (end - start))
        done = end
    return "".join([*pieces, text[done:]]) if pieces else text


def _hints(text: str, hints: tuple[str, ...]) -> bool:
    """True if one of `hints` stands in `text`: a quick look before a slow search."""
    for hint in hints:  # noqa: SIM110  (a loop is three times as fast as any() here)
        if hint in text:
            return True
    return False


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    return (found.span() for found in pattern.finditer(text))


def is_fenced(text: str) -> Iterator[Span]:
    """Code between fences; an open fence runs to the end."""
    start = text.find(_FENCE)
    while start >= 0:
        close = text.find(_FENCE, start + len(_FENCE))
        end = close + len(_FENCE) if close >= 0 else len(text)
        yield start, end
        start = text.find(_FENCE, end)


def is_inline_code(text: str) -> Iterator[Span]:
    """Code between backticks."""
    return _matches(_INLINE_CODE, text) if "`" in text else iter(())


def is_code_line(text: str) -> Iterator[Span]:
    """Indented code, comments, headings, table rows and block quotes."""
    if "\n" in text:
        return _matches(_FOREIGN_LINE, text)
    found = _FOREIGN_LINE.match(text)
    return iter((found.span(),) if found is not None else ())


def is_program_line(text: str) -> Iterator[Span]:
    """Lines with the punctuation of programs."""
    mark = _PROGRAM_MARK.search(text) if _hints(text, _PROGRAM_HINTS) else None
    while mark is not None:
        end = text.find("\n", mark.end())
        end = end if end >= 0 else len(text)
        yield text.rfind("\n", 0, mark.start() + 1) + 1, end
        mark = _PROGRAM_MARK.search(text, end)


def is_quoted(text: str) -> Iterator[Span]:
    """Words between double quotes; an open quote runs to the end of its line."""
    return _matches(_DOUBLE_QUOTED, text) if '"' in text else iter(())


def is_single_quoted(text: str) -> Iterator[Span]:
    """Words between single quotes. Apostrophes inside words are none."""
    return _matches(_SINGLE_QUOTED, text) if " '" in text or "\n'" in text or text.startswith("'") else iter(())


def is_stage_direction(text: str) -> Iterator[Span]:
    """A line that begins with *an action*: dialogue of a role-play."""
    return _matches(_STAGE_DIRECTION, text) if "*" in text else iter(())


def is_dialogue(text: str) -> Iterator[Span]:
    """Lines of a chat log, a transcript, or a labelled field: `Kim: I'm in Turin`."""
    return _matches(_SPEAKER_LINE, text) if ":" in text else iter(())


_SPANS = (
    is_fenced,
    is_inline_code,
    is_program_line,
    is_quoted,
    is_single_quoted,
    is_code_line,
    is_stage_direction,
)

_WORK_ON = (
    r"translat\w+|proofread\w*|summari[sz]e|sum up|tl;?dr|rewrite|rephrase|paraphrase|reword|polish|correct|edit|fix|grade|"
    r"improve|shorten|simplify|classify|extract|continue|finish|critique|rate|convert|mark up|annotate|respond to|"
    r"reply to|answer this|conjugate|make (?:this|it)|turn this|review|analy[sz]e|feedback on|thoughts on|"
    r"think of this|check|is this|are these|goes like|how does this|interpret|explain"
)
_WORK_ON_HINTS = (
    "translat", "proofread", "summari", "sum up", "tldr", "tl;dr", "rewrite", "rephrase", "paraphrase", "reword", "polish",
    "correct", "edit", "fix", "grade", "improve", "shorten", "simplify", "classify", "extract", "continue", "finish",
    "critique", "rate", "convert", "mark up", "annotate", "respond to", "reply to", "answer this", "conjugate", "make this",
    "make it", "turn this", "review", "analy", "feedback on", "thoughts on", "think of this", "check", "is this",
    "are these", "goes like", "how does this", "interpret", "explain", "is that", "is it",
)  # fmt: skip
_STRONG_HINTS = (
    "translat", "proofread", "summari", "rewrite", "rephrase", "paraphrase", "reword", "polish", "correct", "grade", "conjugate",
)  # fmt: skip
_STRONG_WORK_ON = (
    r"translat\w+|proofread\w*|summari[sz]e|rewrite|rephrase|paraphrase|reword|polish|correct|grade|conjugate"
)
_TEXTS = (
    r"articles?|excerpt|passage|texts?|e-?mails?|letter|essay|paragraphs?|poems?|story|stories|lyrics|songs?|transcript|"
    r"reviews?|posts?|tweets?|diary|entry|memoir|messages?|chat|conversation|log|logs|document|abstract|bio|resume|cv|"
    r"speech|quote|sentences?|examples?|caption|description|script|dialogue|profile|prompt|subject|draft|statement|"
    r"comment|report|blurb|testimonial|obituary|monologue|verse|chorus|answer key|conjugate"
)
_DEICTIC = (
    rf"this|these|that|following|below|attached|above|here|(?:the|my|his|her|our|their|'s|an?) (?:[\w-]+ ){{0,2}}(?:{_TEXTS})"
)
_PASTE_HEAD = re.compile(
    rf"\b(?:{_WORK_ON}|{_TEXTS}|wrote|writes|says?|said|claims|goes|replied|states|reads|texted|posted|correct)\b"
)
_COLON = re.compile(r":(?=\s|\x00)|\bsubject:")
_DEICTIC_WORD = re.compile(rf"\b(?:{_DEICTIC})\b")
_WORK_ON_WORD = re.compile(rf"(?:{_WORK_ON})(?!\w)")  # no \b before it: literals alone are found fast
_STRONG_WORK_ON_WORD = re.compile(rf"\b(?:{_STRONG_WORK_ON})\b")
_BARE_WORK_ON_WORD = re.compile(r"translat|proofread|rephrase|reword|paraphrase|polish|correct")
_SHORT_REQUEST = 40
_SENTENCE_END = re.compile(r"[.?!:\n]")
_NOT_SPACE = re.compile(r"\S")
_LOOK_BACK = 200


def is_introduced(text: str) -> int | None:
    """Where a pasted text begins that is introduced with a colon: "here is the article: ...", "proofread: ..."."""
    for colon in _COLON.finditer(text) if ":" in text else ():
        begin = max(0, colon.start() - _LOOK_BACK)
        head = text[begin : colon.start()]
        head = head[max(map(head.rfind, ".?!\n")) + 1 :]
        if _PASTE_HEAD.search(head + colon[0].removesuffix(":")) and not _is_delimited(text, colon.end()):
            return colon.end()
    return None


def is_handed_over(text: str) -> int | None:
    """Where a pasted text begins that follows its request: "fix this email⏎...", "Rewrite this letter? Dear ..."."""
    if not _hints(text, _WORK_ON_HINTS if "\n" in text else _STRONG_HINTS):
        return None
    for verb in _WORK_ON_WORD.finditer(text):
        if verb.start() and text[verb.start() - 1].isalnum():
            continue
        end = _SENTENCE_END.search(text, verb.end(), verb.end() + _LOOK_BACK)
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
    """True if the foreign text that follows is in quotes or fences, thus blanked already, and ends with them."""
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
    head = _LETTER_HEAD.search(text) if _hints(text, _LETTER_HINTS) else None
    if head is not None:
        return head.start()
    return 0 if "," in text and "\n" in text and _SIGN_OFF.search(text) else None


_FICTION = (
    r"story|stories|poem|song|dialogue|monologue|screenplay|tale|lyrics|rap|haiku|limerick|sketch|scene|fan ?fic\w*|"
    r"diary entry|bio|dating profile|joke|skit|sonnet|ballad|novel chapter|obituary"
)
_ROLE_PLAY = re.compile(
    r"(?<!\w)(?:act(?:ing)? (?:as|like)|pretend|role-?play|behave as|take on the role|"
    r"(?:you are|you're) (?:now |going to be )?(?:a|an|my|the)(?! (?:star|life ?saver|genius|legend|great|gem|angel|hero"
    r"|champ|pro|wizard|big|huge|real|best|only one|lifesaver))\b|"
    r"(?:in|for) (?:this|the|my) (?:scenario|game|story|novel|campaign|scene)\b|text adventure|(?:my|the|our) "
    r"(?:[\w&]+ )?character\b|monologue|fake (?:profile|bio|identity)|(?:in the )?first person|"
    r"from the (?:view|viewpoint|perspective|point of view|pov) of|dungeon master|"
    rf"(?:write|generate|compose|create|make up|tell|finish|draft)(?: me| us)? (?:a|an|the|some|my) (?:[\w-]+ ){{0,3}}(?:{_FICTION}))"
)
_ROLE_HINTS = (
    "act as", "act like", "acting", "pretend", "role", "behave", "you are ", "you're ", "scenario", "game", "story", "novel",
    "campaign", "scene", "adventure", "character", "monologue", "fake ", "first person", "from the ", "dungeon",
    "write ", "generate ", "compose ", "create ", "make up ", "tell ", "finish ", "draft ",
)  # fmt: skip
_PERSISTENT = re.compile(
    r"(?<!\w)(?:let's (?:role-?play|pretend|play)|role-?play|text adventure|dungeon master|pretend)(?!\w)"
)

_PERSISTENT_HINTS = ("let's play", "role", "adventure", "dungeon", "pretend")


def is_role_play(text: str) -> int | None:
    """Where invention begins: "act as ...", "you are a ...", "write a story ...": from its sentence to the end."""
    found = _ROLE_PLAY.search(text) if _hints(text, _ROLE_HINTS) else None
    if found is None:
        return None
    begin = max(0, found.start() - _LOOK_BACK)
    head = text[begin : found.start()]
    return begin + max(map(head.rfind, ".?!\n")) + 1


def opens_role_play(folded: str) -> bool:
    """True if what the person says later in this conversation is part of a game, too."""
    return _hints(folded, _PERSISTENT_HINTS) and _PERSISTENT.search(folded) is not None


_TAILS = (is_introduced, is_handed_over, is_letter, is_role_play)

_EDIT_ABOVE = re.compile(
    rf"\b(?:{_STRONG_WORK_ON}|fix|edit|check|improve)\b[^.?!\n]{{0,30}}\b(?:(?:this|it|that|the above|above|my (?:grammar"
    r"|english|spelling|mistakes|writing|text|message|e-?mail|paragraph|sentence)))(?: (?:to|into|in|for|please)\b[^.?!\n]"
    r"{0,40}|[ \t]*(?=[.?!\n]|$))|is (?:this|that|it) (?:sentence |text |paragraph )?(?:grammatical\w*|correct)|"
    rf"is this (?:a )?(?:good|strong|decent) (?:opening|start|{_TEXTS})[^.?!\n]{{0,40}}"
)

_IGNORED_AT_THE_END = " .?!\n\t" + BLANK


def _asks_to_edit_the_above(text: str) -> bool:
    """True if the message ends by asking to correct or translate what it said before."""
    end = len(text.rstrip(_IGNORED_AT_THE_END))
    asked = None
    for asked in _EDIT_ABOVE.finditer(text, max(0, end - _LOOK_BACK), end):
        pass
    return asked is not None and asked.end() == end
