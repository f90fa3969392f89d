"""All rules, in the order in which they are tried: the more telling matter first."""

from __future__ import annotations

from shared.models.rules.rule import RuleIndex
from shared.models.rules.rules_beliefs import BELIEF_RULES
from shared.models.rules.rules_dates import DATE_RULES
from shared.models.rules.rules_decisions import DECISION_RULES
from shared.models.rules.rules_family import FAMILY_RULES
from shared.models.rules.rules_health import HEALTH_RULES
from shared.models.rules.rules_home import HOME_RULES
from shared.models.rules.rules_instructions import INSTRUCTION_RULES
from shared.models.rules.rules_person import PERSON_RULES
from shared.models.rules.rules_tastes import TASTE_RULES
from shared.models.rules.rules_things import THING_RULES
from shared.models.rules.rules_work import WORK_RULES

RULES = (
    *DATE_RULES,
    *DECISION_RULES,
    *INSTRUCTION_RULES,
    *HEALTH_RULES,
    *PERSON_RULES,
    *FAMILY_RULES,
    *BELIEF_RULES,
    *HOME_RULES,
    *WORK_RULES,
    *TASTE_RULES,
    *THING_RULES,
)
INDEX = RuleIndex(RULES)
