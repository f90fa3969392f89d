"""Rules for standing instructions to the assistant."""

from __future__ import annotations

from shared.english.words import MANNER, REPLY_VERBS
from shared.models.rules.guards import is_about_this_task, is_no_standing_wish
from shared.models.rules.rule import rule

_PLEASE = (
    r"(?:please |pls |can you |could you |i want you to |i would like you to |i need you to "
    r"|i would prefer (?:it )?if you |you (?:should|must|can) )?"
)

INSTRUCTION_RULES = (
    rule(
        "always or never",
        "preferences",
        "always | never | do | please | i want | i would | i need | you should | you must",
        rf"{_PLEASE}(?:please )?(?:always|never|do not ever) {REPLY_VERBS}\b(?! (?:to (?:close|save|use)"
        rf"|gonna|mind|up on|it a rest))",
        is_about_this_task,
        confidence=0.9,
    ),
    rule(
        "manner",
        "preferences",
        "do | please | stop | avoid | never | no | i do | skip | drop",
        rf"{_PLEASE}(?:do not (?:ever )?(?:use|write|give|add|include|start|end|be|ask|repeat|put)?"
        rf"|stop (?:using|adding|writing|with)|avoid(?: using)?|skip|drop|no|i do not want)(?: me)? (?:any "
        rf"|the |all |your |so many |with )*{MANNER}\b",
        is_about_this_task,
        confidence=0.85,
    ),
    rule(
        "form of address",
        "preferences",
        "call | please | you can | do | address | refer | just | you may",
        r"(?:please )?(?:you (?:can|may) )?(?:do not )?(?:call me|address me as|refer to me as) (?!(?:back"
        r"|when|if|later|at|a|an|old|paranoid|out|crazy|tomorrow|today|now|on)(?![\w'-]))\S",
        confidence=0.95,
    ),
    rule(
        "length",
        "preferences",
        "keep | please | make | i prefer | i like",
        r"(?:please )?(?:keep|make) (?:all |your |all your |the )?(?:answers|responses|replies|explanations"
        r"|messages) (?!(?:to (?:this|the))(?![\w'-]))\S",
        is_about_this_task,
        confidence=0.9,
    ),
    rule(
        "standing wish",
        "preferences",
        "answer | respond | reply | use | write | speak | talk | give | explain | keep | be | please | add "
        "| do | assume | format | provide | show | start | call | cite | spell | tell | convert | say | ask",
        rf"(?:please )?(?:do not )?{REPLY_VERBS}\b \S",
        is_no_standing_wish,
        is_about_this_task,
        confidence=0.9,
    ),
    rule(
        "units and spelling",
        "preferences",
        "use | please | always | answer | write",
        r"(?:please )?(?:use|write in|stick to) (?:the )?(?:metric|imperial|celsius|fahrenheit|british"
        r"|american|canadian|australian|uk|us|24[- ]hour|si) ?(?:units|system|spellings?|english"
        r"|measurements|time|format|$)",
        is_about_this_task,
        confidence=0.8,
    ),
)
