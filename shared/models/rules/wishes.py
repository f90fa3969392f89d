"""Standing wishes to the assistant: how to answer from now on, not what to do this once."""

from __future__ import annotations

import re

from shared.english.sentences import Clause
from shared.english.words import MANNER, REPLY_VERBS

_PLEASE = (
    r"(?:please |pls |can you |could you |i want you to |i would like you to |i need you to "
    r"|i would prefer (?:it )?if you |you (?:should|must|can) )?"
)
_STANDING = re.compile(
    r"\bfrom (?:now|here) on|\bin (?:the )?future\b|\bgoing forward|\bby default|\bwhen(?:ever)? (?:you"
    r"|i) \w|\bevery time|\ball (?:your|future)|\bthat always\b|\balways\b|\bany time\b|\bin all\b"
    r"|\bevery (?:answer|reply|response)"
)
_THIS_TASK = re.compile(
    r"\b(?:this|these|here|the (?:above|below|following|first|second|third|last|paragraph|table|text|code"
    r"|essay))(?![\w-])"
)
_WISHES = re.compile(
    rf"{_PLEASE}(?:please )?(?:always|never|do not ever) {REPLY_VERBS}\b(?! (?:to (?:close|save|use)"
    rf"|gonna|mind|up on|it a rest))"
    rf"|{_PLEASE}(?:do not (?:ever )?(?:use|write|give|add|include|start|end|be|ask|repeat|put)?"
    rf"|stop (?:using|adding|writing|with)|avoid(?: using)?|skip|drop|no|i do not want)(?: me)? (?:any "
    rf"|the |all |your |so many |with )*{MANNER}\b"
    r"|(?:please )?(?:keep|make) (?:all |your |all your |the )?(?:answers|responses|replies|explanations"
    r"|messages) (?!(?:to (?:this|the))(?![\w'-]))\S"
    r"|(?:please )?(?:use|write in|stick to) (?:the )?(?:metric|imperial|celsius|fahrenheit|british"
    r"|american|canadian|australian|uk|us|24[- ]hour|si) ?(?:units|system|spellings?|english"
    r"|measurements|time|format|$)"
)
"""What is a standing wish by its form."""
_ADDRESS = re.compile(
    r"(?:please )?(?:you (?:can|may) )?(?:do not )?(?:call me|address me as|refer to me as) (?!(?:back"
    r"|when|if|later|at|a|an|old|paranoid|out|crazy|tomorrow|today|now|on)(?![\w'-]))\S"
)
_ASKED = re.compile(rf"(?:please )?(?:do not )?{REPLY_VERBS}\b \S")
"""What is one if it says that it stands."""


def is_standing_wish(clause: Clause) -> bool:
    """Whether the clause asks the assistant for something once and for all."""
    plain = clause.plain
    if plain.startswith("i ") and "you" not in plain and not plain.startswith("i do not want"):
        return False
    if _ADDRESS.match(plain):
        return True
    if not (_WISHES.match(plain) or (_ASKED.match(plain) and _STANDING.search(clause.text))):
        return False
    return _THIS_TASK.search(clause.text) is None
