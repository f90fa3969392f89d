"""Rules for values and opinions."""

from __future__ import annotations

from shared.models.rules.guards import (
    is_about_the_answer,
    is_about_the_task,
    is_technical,
    is_transient,
)
from shared.models.rules.rule import rule

_OPINION = (is_about_the_task, is_technical, is_transient)

BELIEF_RULES = (
    rule("belief", "beliefs", "i believe", r"i believe (?:that )?(?:the )?", *_OPINION, confidence=0.85),
    rule(
        "belief in",
        "beliefs",
        "i believe",
        r"i believe in (?!you|this|that|it\b|the (?:first|second))",
        is_transient,
    ),
    rule(
        "disbelief",
        "beliefs",
        "i do",
        r"i do not believe in ",
        is_about_the_answer,
        is_technical,
        confidence=0.85,
    ),
    rule(
        "long opinion",
        "beliefs",
        "i have | i always",
        r"i (?:have )?always (?:believed|thought|felt) (?:that )?(?!(?:this|it|you|the)(?![\w'-]))\S",
        is_technical,
        confidence=0.8,
    ),
    rule(
        "general opinion",
        "beliefs",
        "i think",
        r"i think (?:that )?(?:people|everyone|everybody|children|kids|nobody|society|schools|governments?"
        r"|religion|money|honesty|kindness)\b",
        is_technical,
        confidence=0.75,
    ),
    rule(
        "value",
        "beliefs",
        "i value",
        r"i value (?!(?:this|that|your|it|the (?:first|second))(?![\w'-]))\S",
        is_technical,
        confidence=0.85,
    ),
    rule(
        "cares",
        "beliefs",
        "i care",
        r"i care (?:a lot |deeply |very much |more )?about ",
        is_about_the_answer,
        is_technical,
        confidence=0.85,
    ),
    rule(
        "stands for",
        "beliefs",
        "i am | i support | i oppose",
        r"i (?:am (?:against|in favour of|in favor of|opposed to|convinced that|an? (?:[a-z]+ )?believer in"
        r"|pro-\w+|anti-\w+)|oppose|support (?!for|team|ticket)) ?(?=\S)",
        is_about_the_answer,
        is_technical,
        is_transient,
        confidence=0.8,
    ),
    rule(
        "matters to me",
        "beliefs",
        "*",
        r"(?=.{3,60} to me\b)(?!(?:this|that|it|what|which|nothing|none|these|those|your"
        r"|the)\b)[\w' ,-]{3,60} (?:matters?|means?|is|are) (?:very |so |a lot |more |really |everything "
        r"|extremely |the most )*(?:important )?to me\b(?! (?:in|that (?:you|we|this)|like))",
        is_technical,
        is_transient,
        confidence=0.75,
    ),
    rule(
        "motto",
        "beliefs",
        "my motto | my philosophy | my core | my values",
        r"my (?:motto|philosophy|core values?|values) (?:in life )?(?:is|are) \S",
        is_technical,
        confidence=0.85,
    ),
    rule(
        "general should",
        "beliefs",
        "i think",
        r"i think (?:that )?(?:an?|every|all|no|most) [\w' ,-]{2,50} (?:should|must|ought|deserves?"
        r"|is mostly|are mostly)\b(?! (?:be (?:enough|fine|ok|better)|work|fix))",
        is_technical,
        is_transient,
        confidence=0.7,
    ),
)
