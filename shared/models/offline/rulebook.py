"""All rules in the order in which they are tried: the more telling category first."""

from __future__ import annotations

from shared.models.offline.rules import RuleIndex
from shared.models.offline.rules_dates import DATE_RULES
from shared.models.offline.rules_decisions import DECISION_RULES
from shared.models.offline.rules_home import HOME_RULES
from shared.models.offline.rules_instructions import INSTRUCTION_RULES
from shared.models.offline.rules_person import PERSON_RULES
from shared.models.offline.rules_tastes import TASTE_RULES
from shared.models.offline.rules_work import WORK_RULES

RULES = (
    *DATE_RULES,
    *DECISION_RULES,
    *INSTRUCTION_RULES,
    *PERSON_RULES,
    *HOME_RULES,
    *WORK_RULES,
    *TASTE_RULES,
)
INDEX = RuleIndex(RULES)
