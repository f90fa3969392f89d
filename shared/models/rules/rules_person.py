"""Rules for who the person is: name, age, origin, faith, languages, what they call themselves."""

from __future__ import annotations

from shared.english.words import (
    IDENTITIES,
    IDENTITY_PAIRS,
    LANGUAGES,
    NATIONS,
    STATES,
)
from shared.models.rules.guards import (
    first_word_not_in,
    headed_by_none_of,
    is_plural,
    is_technical,
    is_transient,
    without_any_of,
)
from shared.models.rules.rule import rule

_KIND_OF = r"(?:a bit of |half |part |of |also )*"

PERSON_RULES = (
    rule(
        "name",
        "beliefs",
        "my name | my full | my first | my last | my given | my middle | my nickname | my surname",
        r"my (?:full |first |last |given |middle |sur|nick)?name is (?!on |in |not |being |listed|also"
        r"|spelled|wrong|misspelled|common)",
        confidence=0.95,
    ),
    rule(
        "goes by",
        "beliefs",
        "i go",
        r"i go by (?!(?:the|bus|train|car|foot|bike|plane|that|this|it|what|your|default)(?![\w'-]))\S",
        confidence=0.9,
    ),
    rule("pronouns", "beliefs", "my pronouns", r"my pronouns are \S", confidence=0.95),
    rule(
        "age",
        "beliefs",
        "i am",
        r"i am (?:a )?(?:only |nearly |almost |about )?(?:[1-9]\d)(?:\s*$|[,.!;)]|[ -]+(?:years?|yrs?|yo"
        r"|y/o)\b|[mf]\b| and\b| from\b| with\b| living\b| next\b)",
        is_plural,
        confidence=0.95,
    ),
    rule(
        "turned",
        "beliefs",
        "i turned",
        r"i turned (?:\d\d|thirty|forty|fifty|sixty|seventy)\b(?! (?:it|percent|degrees))",
        confidence=0.9,
        time="change",
    ),
    rule(
        "decade of age",
        "beliefs",
        "i am",
        r"i am in my (?:early |late |mid[- ]?)?(?:\d0s|teens|twenties|thirties|forties|fifties|sixties"
        r"|seventies|eighties)\b",
        confidence=0.9,
    ),
    rule(
        "measures",
        "beliefs",
        "my blood | my height | my weight | my shoe | my zodiac | my star | my religion | my nationality "
        "| my faith | my ethnicity",
        r"my (?:blood type|height|weight|shoe size|zodiac sign|star sign|religion|nationality|faith"
        r"|ethnicity) is \S",
        is_transient,
    ),
    rule(
        "nationality",
        "beliefs",
        "i am",
        rf"i am (?:an? )?{_KIND_OF}(?:native |proud |dual |second-generation "
        rf"|first-generation )?(?:[a-z]+-)?(?=[a-z])",
        first_word_not_in(NATIONS | {"european", "african", "asian", "latino", "latina", "jewish"}),
        confidence=0.85,
    ),
    rule(
        "identity",
        "beliefs",
        "i am | i became",
        r"i am (?:an?|the) (?=\S)",
        headed_by_none_of(IDENTITIES, IDENTITY_PAIRS),
        is_technical,
        is_transient,
        confidence=0.9,
    ),
    rule("identities of two", "beliefs", "i am", r"i am (?=vegetarians|vegans|christians|muslims)"),
    rule(
        "state",
        "beliefs",
        "i am | i have",
        r"i (?:am|have (?:always )?been) (?:not )?(?:a )?(?:red-green |partially |legally |clinically "
        r"|newly |recently |happily |highly |mildly |severely |totally )?(?=\S)",
        first_word_not_in(STATES),
        is_technical,
        confidence=0.9,
    ),
    rule(
        "state of two words",
        "beliefs",
        "i am",
        r"i am (?:(?:red-green )?colou?r[- ]blind|lactose[- ]intoleran|gluten[- ](?:free|intoleran)"
        r"|hard of hearing|left[- ]handed|right[- ]handed|non[- ]binary|visually impaired|hearing impaired"
        r"|on the (?:autism )?spectrum|an only child|originally|in recovery|half [a-z]+)",
        confidence=0.9,
    ),
    rule(
        "fear",
        "beliefs",
        "i am | i have",
        r"i (?:am (?:terrified|scared|afraid|phobic) of|have a (?:phobia|fear) of) (?!losing|breaking|this"
        r"|that|messing|failing|missing|it\b)\S",
        is_transient,
        confidence=0.8,
    ),
    rule(
        "speaks",
        "beliefs",
        "i speak | i am",
        r"i (?:speak|am (?:fluent|bilingual|conversational) in|am a native) (?!to |with )(?=\S)",
        without_any_of(LANGUAGES, (), 5),
        confidence=0.9,
    ),
    rule(
        "mother tongue",
        "beliefs",
        "my native | my mother | my first | my second",
        r"my (?:native|mother|first|second) (?:language|tongue) is (?=\S)",
        without_any_of(LANGUAGES, (), 4),
        confidence=0.95,
    ),
    rule(
        "faith",
        "beliefs",
        "i was",
        r"i was (?:raised|brought up|baptized|baptised) (?!(?:by the|to the)(?![\w'-]))\S",
        confidence=0.85,
    ),
)
