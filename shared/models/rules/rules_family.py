"""Rules for family and pets."""

from __future__ import annotations

from shared.english.words import (
    KIN,
    PETS,
)
from shared.models.rules.guards import (
    is_technical,
    is_transient,
)
from shared.models.rules.rule import rule

_COUNT = (
    r"(?:a|an|one|two|three|four|five|six|seven|eight|nine|ten|no|\d{1,2}|several|twin|young|grown(?:-up)?"
    r"|many)"
)
_WHICH = (
    r"(?:older|younger|oldest|youngest|eldest|elder|little|big|late|twin|only|ex-?|step|great|first|middle"
    r"|teenage|baby|adult|grown|elderly|adopted|dear|beloved|second|new|two|three|four|five|\d{1,2}|lovely"
    r"|maternal|paternal|autistic|\d{1,2}[- ](?:year|month)s?[- ]olds?)"
)
_MY_KIN = rf"my (?:{_WHICH}[ -]?)*{KIN}"
_NAME = r"(?:,? (?!and |who |want|need|ask|think|say)[\w'-]+(?:(?:,| and) [\w'-]+)?,?)?"

FAMILY_RULES = (
    rule(
        "among siblings",
        "beliefs",
        "i am",
        r"i am the (?:youngest|oldest|eldest|middle|second|third|only) (?:child|of (?:two|three|four|five"
        r"|six|seven|eight|\d)|daughter|son)",
    ),
    rule(
        "has family",
        "beliefs",
        "i have",
        rf"i have (?:{_COUNT},? )(?:[\w-]+,? ){{0,3}}?(?:{KIN}|boys|girls|{PETS})\b(?! (?:question|idea"
        rf"|food|problem|allergy|dilemma|project|name|element|class|node|process|who wants)\b)",
        is_technical,
        is_transient,
        confidence=0.9,
    ),
    rule(
        "adopted",
        "beliefs",
        "i adopted | i rescued | i have",
        rf"i (?:have )?(?:adopted|rescued|got) (?:{_COUNT},? )(?:[\w-]+ ){{0,3}}?(?:{PETS}|{KIN})\b",
        is_technical,
        confidence=0.9,
        time="change",
    ),
    rule(
        "family name",
        "beliefs",
        "my",
        rf"{_MY_KIN}(?:'s|s'|s)? (?:name|names) (?:is|are) \S",
        confidence=0.95,
    ),
    rule(
        "family birth",
        "beliefs",
        "my",
        rf"{_MY_KIN}{_NAME} (?:was|were) (?:born|adopted|diagnosed|raised)\b",
        confidence=0.9,
    ),
    rule(
        "family is",
        "beliefs",
        "my",
        rf"{_MY_KIN}{_NAME} (?:is|are|was|were) (?:called |named |from |an? (?!bit|little|lot|mess"
        rf"|nightmare|pain|huge|great|star|genius|saint|question|good|bad|few|problem)|allergic "
        rf"|originally |half |\d{{1,2}}(?! (?:minutes|percent|hours|days|%))|(?:severely "
        rf"|very )?(?:vegetarian|vegan|autistic|deaf|blind|diabetic|dyslexic|coeliac|celiac|lactose|gluten"
        rf"|retired|turning|jewish|muslim|catholic|hindu|buddhist|dutch|german|french|italian|spanish"
        rf"|polish|irish|scottish|welsh|japanese|chinese|korean|indian|american|canadian|mexican|brazilian"
        rf"|portuguese|russian|ukrainian|greek|turkish|swedish|norwegian|danish|finnish|nigerian|ghanaian"
        rf"|kenyan|a\b))",
        is_technical,
        is_transient,
        confidence=0.85,
    ),
    rule(
        "family does",
        "beliefs",
        "my",
        rf"{_MY_KIN}{_NAME} (?:work(?:s|ed)? (?:as|at|for|in|nights|part)|live(?:s|d)? (?:in|near|with|on"
        rf"|at|next|abroad|alone)|ha(?:s|ve) (?=\S)(?:a |an |type |severe |mild )*(?:adhd|autism|asthma"
        rf"|diabetes|epilepsy|coeliac|celiac|dementia|alzheimer|parkinson|eczema|dyslexia|down|cancer"
        rf"|\w+ (?:allergy|disease|syndrome))|teach(?:es)?|stud(?:y|ies) (?!for)|died|passed away"
        rf"|come(?:s)? from|grew up|speak(?:s)? [a-z]+|play(?:s)? (?:the|in|for)|run(?:s)? an?"
        rf"|own(?:s)? an?|immigrated|emigrated|moved to)\b",
        is_technical,
        is_transient,
        confidence=0.85,
    ),
    rule(
        "pet",
        "beliefs",
        "my",
        rf"my (?:{_WHICH} )*(?:\w+ )?{PETS}(?:'s|s'|s)? (?:(?:name|names) (?:is|are)|(?:is|are) (?:called"
        rf"|named)) \S",
        is_technical,
        confidence=0.95,
    ),
    rule(
        "pet is",
        "beliefs",
        "my",
        rf"my {PETS}{_NAME} is (?:an? (?!bit|little|lot|mess|nightmare|pain)(?:[\w-]+ ){{0,4}}[\w-]+"
        rf"|\d{{1,2}} (?:years|months))",
        is_technical,
        is_transient,
        confidence=0.85,
    ),
    rule(
        "family of two",
        "beliefs",
        "my",
        rf"{_MY_KIN} and i (?:have|are|were|got|live|moved|met) (?:married|divorced|together|two|three|in"
        rf"|to|a )",
        is_transient,
        confidence=0.8,
        time="change",
    ),
    rule(
        "named",
        "beliefs",
        "i named | i have | i called",
        r"i (?:have )?(?:named|called) (?:my|the|our) (?!(?:variable|function|file|landlord|doctor|bank"
        r"|insurance|police|office)(?![\w'-]))\w+ [a-z]",
        is_technical,
        is_transient,
        confidence=0.8,
    ),
)
