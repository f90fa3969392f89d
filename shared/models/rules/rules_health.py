"""Rules for health and body."""

from __future__ import annotations

from shared.english.words import (
    CONDITION_PAIRS,
    CONDITIONS,
)
from shared.models.rules.guards import (
    is_technical,
    is_transient,
    without_any_of,
)
from shared.models.rules.rule import rule

HEALTH_RULES = (
    rule(
        "body",
        "beliefs",
        "i am | i weigh | i wear",
        r"i (?:am (?:about )?\d[\d.,'\" ]*(?:cm|m|ft|feet|foot|kg|lbs?|pounds|meters|metres)\b|am \d'\d"
        r"|weigh (?:about |around )?\d|wear (?:a )?(?:size|glasses|contact|hearing|braces))",
        is_transient,
    ),
    rule(
        "allergy",
        "beliefs",
        "i am | i have | my allergy | my allergies | i carry",
        r"i (?:am |have )?(?:been )?(?:\w+ )?(?:allergic|intolerant|sensitive) to (?!(?:something|this|that"
        r"|the way|some)(?![\w'-]))\S|i have an? (?:\w+ ){1,3}(?:allergy|intolerance)\b"
        r"|i am (?:\w+ )intolerant|i carry an epi|my allerg(?:y|ies)(?: is| are) \S",
        confidence=0.95,
    ),
    rule(
        "condition",
        "beliefs",
        "i have | i suffer | i live | i manage",
        r"i (?:have (?:had )?|suffer from |live with |manage )(?=\S)",
        without_any_of(CONDITIONS, CONDITION_PAIRS, 5),
        is_technical,
        is_transient,
        confidence=0.9,
    ),
    rule(
        "diagnosis",
        "beliefs",
        "i was | i got | i have",
        r"i (?:was|got|have been) diagnosed (?:with|as) \S",
        confidence=0.95,
        time="change",
    ),
    rule(
        "recurring",
        "beliefs",
        "i get",
        r"i (?:often |sometimes |regularly )?get (?:migraines|seasick|carsick|motion sick|panic attacks"
        r"|hay fever|cluster headaches)",
        confidence=0.85,
    ),
    rule(
        "medication",
        "beliefs",
        "i take | i am",
        r"i (?:take|am on|am taking) (?!it|this|that|the|my|care|part|over|a (?:bus|train|look|break"
        r"|nap))[a-z][\w -]{2,40}? (?:for my|every (?:day|morning|evening|night)|daily|twice a day"
        r"|once a day|\d+ ?mg)",
        confidence=0.85,
    ),
    rule(
        "body part",
        "beliefs",
        "i have",
        r"i have (?:a |an )?(?:bad|weak|artificial|prosthetic|replaced|dodgy) (?:knees?|back|hip|hips"
        r"|shoulder|ankle|leg|heart|wrist|eyesight|hearing)\b",
        is_transient,
    ),
)
