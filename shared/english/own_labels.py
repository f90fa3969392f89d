"""What stands before a colon where a person writes of themselves as in a form: `Age: 34`, `Context: ...`."""

from __future__ import annotations

import re
from itertools import islice

from shared.english.words import pairs_of

FIELDS_OF_ONE = pairs_of(
    "name, full name, first name, preferred name, nickname, age, role, job, job title, title, profession, "
    "occupation, location, city, country, home, hometown, timezone, time zone, birthday, date of birth, "
    "employer, company, industry, native language, mother tongue, nationality, education, degree, field, "
    "favourite colour, favorite color, diet, gender, religion, star sign, height, weight, sex, faith, "
    "household, fitness level, activity level, marital status, blood type, ethnicity"
)
FIELDS_OF_MANY = pairs_of(
    "pronouns, hobbies, interests, languages, pets, skills, values, goals, allergies, kids, children, tools, "
    "medications, meds, conditions, medical conditions, health conditions, health issues, injuries, "
    "dietary restrictions, dietary requirements, intolerances"
)
"""What each says holds one thing, or several, of the person who writes it."""
FIELDS = (
    FIELDS_OF_ONE
    | FIELDS_OF_MANY
    | pairs_of(
        "hobby, goal, allergy, allergic, likes, dislikes, stack, favourites, triggers, status, family, "
        "budget, experience, equipment, medication"
    )
)
"""What is told with its value."""
LEADS = pairs_of(
    "context, some context, quick context, background, some background, about me, a bit about me, me, info, "
    "note, notes, side note, fyi, ps, p.s., p.s, edit, update, situation, my situation, reminder, "
    "for context, for background, for reference, also, btw, tldr, tl;dr, constraints, details, preferences, "
    "facts about me, question, quick question, hi, hello, ok, problem, issue, request, help, thing is, "
    "my details, my info, my background, other information"
)
"""What leads over to words of their own."""
_FIELD_LINE = re.compile(rf"(?m)^[ \t\-*•]*(?:{'|'.join(sorted(FIELDS))}):[ \t]*\S")
_LEAST_LINES = 2
LABEL = "|".join(map(re.escape, sorted(FIELDS | LEADS)))
"""Any of them, as part of a pattern for folded text."""
MOST_CHARS = 24
"""Characters of the longest, with what may stand before it."""


def is_form(text: str) -> bool:
    """Whether folded text has lines in which people tell of themselves as in a form: then its other lines
    with a label are nobody's turns in a talk."""
    return ":" in text and sum(1 for _ in islice(_FIELD_LINE.finditer(text), _LEAST_LINES)) == _LEAST_LINES
