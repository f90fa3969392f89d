"""How the person writes and what they ask for, counted over a sample of their conversations.

Of their own words alone, and told in ours: what is counted by its name, a role or a language of code, is
told only if the name is on a closed list."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from shared.domain.sample import SampleConversation
from shared.english.excerpts import CODE, LEFT_OUT, own_excerpt
from shared.english.foreign import foreign_languages
from shared.english.language import is_english
from shared.english.words import words_of

_GREETING = re.compile(r"^\W*(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening)|dear)\b", re.IGNORECASE)
_PLEASE = re.compile(r"\b(?:please|pls|plz)\b", re.IGNORECASE)
_THANKS = re.compile(r"\b(?:thanks|thank you|thx|cheers|appreciate it)\b", re.IGNORECASE)
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_FENCE = re.compile(r"^[ \t]*```([A-Za-z][\w+#-]{0,15})", re.MULTILINE)
_LIST = re.compile(r"(?m)^[^\S\n]*+(?:[-*•]|\d+[.)]) ")
_SLANG = re.compile(
    r"\b(?:lol|lmao|gonna|wanna|gotta|kinda|yeah|yep|nope|idk|btw|imo|tbh|u|ur)\b", re.IGNORECASE
)
_LAUGH = re.compile(r"\b(?:lol|lmao|rofl|(?:ha|he){2,}h?|hahaha\w*)\b|[\U0001f602\U0001f923]", re.IGNORECASE)

ASKS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(rf"\b(?:{words})\b", re.IGNORECASE))
    for name, words in (
        ("explain things", "explain|what does .{1,40} mean|how does|how do|why does|why is|teach me"),
        (
            "write and draft text",
            "(?:write|draft|compose) (?:me |us )?(?:an?|the|my|some) |rewrite|rephrase|proofread",
        ),
        (
            "write and mend code",
            "code|function|script|bug|debug|refactor|stack trace|compile|regex|sql query|unit tests?",
        ),
        ("summarise", "summari[sz]e|tl;?dr|key points|in a nutshell"),
        ("translate", "translate|translation|how do you say"),
        (
            "plan and organise",
            "(?:make|create|draw up) (?:me )?an? (?:\\w+ )?(?:plan|schedule|checklist)|help me plan",
        ),
        ("brainstorm ideas", "brainstorm|ideas for|give me (?:some )?ideas|suggest(?:ions)?|come up with"),
        (
            "compare and advise",
            "should i|which (?:one )?is better|pros and cons|compare|recommend|what would you",
        ),
        (
            "review and give feedback",
            "review (?:my|this|the)|feedback on|what do you think of|critique|improve (?:my|this)",
        ),
        ("find recipes", "recipes?|what can i cook|meal plan"),
    )
)
"""What people ask an assistant for, by the words they ask with."""
_ROLE = re.compile(
    r"\b(?:act as|you are|pretend to be|be|play the role of|i want you to be) "
    r"(?P<role>(?:my|an?) [a-z][a-z -]{2,40}?)"
    r"(?=$|[.,;:!?\n]| who | that | and | for | with | to | in )",
    re.IGNORECASE,
)
_ROLE_HEADS = words_of(
    """assistant tutor teacher coach mentor editor reviewer expert advisor adviser partner companion
    interviewer translator therapist engineer developer writer chef guide trainer analyst consultant
    secretary librarian"""
)
_ROLE_KINDS = words_of(
    """a an my patient strict friendly kind honest critical helpful experienced senior junior personal
    professional native good great best english french german spanish italian portuguese dutch russian
    chinese japanese korean arabic latin swedish danish norwegian finnish polish greek turkish hindi language
    grammar vocabulary writing speaking reading math maths mathematics physics chemistry biology history
    geography science music piano guitar singing art drawing philosophy economics finance law legal medical
    health nutrition fitness running yoga career job interview business marketing sales startup product
    project software web frontend backend data security python java javascript rust go sql machine learning
    design fashion travel cooking baking gardening study exam school university research academic creative
    fiction story copy code life dating parenting relationship chess"""
)
"""What a role may be, beside its head: a closed list, so that none of a stranger's making is told."""
LANGUAGES = 3
"""Most languages named."""
MANY = 0.1
"""Share of conversations from which a habit is told."""
LEAST = 3
"""Fewest conversations from which a habit is told."""


@dataclass(slots=True)
class Voice:
    """Counts over a sample: each is a number of conversations unless it says otherwise."""

    conversations: int = 0
    messages: int = 0
    words: list[int] = field(default_factory=list)
    """Words of each message."""
    greet: int = 0
    please: int = 0
    thanks: int = 0
    emoji: int = 0
    slang: int = 0
    lists: int = 0
    laugh: int = 0
    lower: int = 0
    """Messages that begin with a small letter, of those that begin with a cased one."""
    cased: int = 0
    unpunctuated: int = 0
    """Messages that end without punctuation."""
    foreign: int = 0
    """Conversations evidently not in English."""
    languages: tuple[str, ...] = ()
    """Names of the languages they are in, the commonest first."""
    asks: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)
    code: Counter[str] = field(default_factory=Counter)
    """Languages named at code fences."""

    @property
    def median_words(self) -> int:
        """Words of the middle message; 0 without messages."""
        return int(median(self.words)) if self.words else 0

    def habit(self, conversations: int) -> bool:
        """True if something seen in so many conversations is a habit rather than chance."""
        return conversations >= max(LEAST, MANY * self.conversations)


def measure(sample: Sequence[SampleConversation]) -> Voice:
    """Count what `Voice` holds over the excerpts of `sample`."""
    voice = Voice(languages=tuple(foreign_languages(sample))[:LANGUAGES])
    for conversation in sample:
        own = conversation.excerpts if conversation.standing else map(own_excerpt, conversation.excerpts)
        texts = [text for text in own if text.strip().replace(LEFT_OUT, "")]
        if not texts:
            continue
        voice.conversations += 1
        whole = "\n".join(texts)
        voice.foreign += not is_english(whole)
        voice.greet += any(_GREETING.match(text) for text in texts)
        voice.please += _PLEASE.search(whole) is not None
        voice.thanks += _THANKS.search(whole) is not None
        voice.emoji += _EMOJI.search(whole) is not None
        voice.slang += _SLANG.search(whole) is not None
        voice.lists += _LIST.search(whole) is not None
        voice.laugh += _LAUGH.search(whole) is not None
        voice.asks.update(name for name, asked in ASKS if asked.search(whole))
        voice.roles.update({role for found in _ROLE.finditer(whole) if (role := _role(found["role"]))})
        voice.code.update({name for found in _FENCE.findall(whole) if (name := found.lower()) in CODE})
        for text in texts:
            _measure_message(voice, text)
    return voice


def _measure_message(voice: Voice, text: str) -> None:
    voice.messages += 1
    voice.words.append(len(_WORD.findall(text)))
    first = text.lstrip()[0]
    if first.islower() or first.isupper():
        voice.cased += 1
        voice.lower += first.islower()
    voice.unpunctuated += text.rstrip()[-1].isalnum()


def _role(text: str) -> str:
    """`patient french tutor` from `be my patient French tutor`; empty if it names no role that is known."""
    *kinds, head = text.casefold().split()
    return " ".join([*kinds[1:], head]) if head in _ROLE_HEADS and _ROLE_KINDS.issuperset(kinds) else ""
