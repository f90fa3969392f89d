"""The themes under which a memory tells its facts."""

from __future__ import annotations

from enum import StrEnum

from shared.facts import Category, Fact, SourceKind
from shared.statements.names import TOOLS
from shared.statements.words import tokens, word_set


class Theme(StrEnum):
    """Headings of MEMORY, in order."""

    ABOUT = "About"
    HOME = "Home and family"
    WORK = "Work and study"
    PROJECTS = "Projects"
    HEALTH = "Health"
    TASTES = "Tastes"
    TOOLS = "Tools"
    PLANS = "Plans and dates"
    BELIEFS = "Beliefs"
    DECISIONS = "Decisions"
    ANSWERS = "How to answer me"


_SLOT_THEMES = {
    "name": Theme.ABOUT,
    "called": Theme.ANSWERS,
    "age": Theme.ABOUT,
    "residence": Theme.ABOUT,
    "country": Theme.ABOUT,
    "employer": Theme.WORK,
    "role": Theme.WORK,
    "university": Theme.WORK,
    "diet": Theme.HEALTH,
    "favourite": Theme.TASTES,
    "liking": Theme.TASTES,
    "partner-name": Theme.HOME,
    "marital": Theme.HOME,
    "child": Theme.HOME,
    "pet": Theme.HOME,
    "car": Theme.HOME,
    "allergy": Theme.HEALTH,
    "answer-language": Theme.ANSWERS,
    "answer-style": Theme.ANSWERS,
    "answer-length": Theme.ANSWERS,
    "language": Theme.TOOLS,
    "editor": Theme.TOOLS,
    "os": Theme.TOOLS,
    "phone": Theme.TOOLS,
    "browser": Theme.TOOLS,
    "notes": Theme.TOOLS,
    "shell": Theme.TOOLS,
}

_ANSWER_OPENERS = word_set(
    """always never please answer reply respond use write keep give call be avoid don't explain speak
    do talk format include stop skip address assume start end prefer"""
)
_ANSWER_WORDS = word_set(
    """answer answers reply replies respond response responses explanation explanations me tone
    bullet bullets markdown emoji emojis concise brief step-by-step summary summaries you your
    disclaimer disclaimers"""
)
_WORDS = (
    (
        Theme.HEALTH,
        word_set(
            """allergic allergy allergies diabetes diabetic asthma migraine migraines adhd autism
            autistic anxiety depression depressed insomnia medication pregnant surgery diagnosed
            doctor therapist therapy blood cholesterol celiac coeliac intolerant intolerance
            epilepsy arthritis injury disability deaf blind vegan vegetarian pescatarian smoking
            smoke sober dyslexic dyslexia chronic"""
        ),
    ),
    (
        Theme.HOME,
        word_set(
            """wife husband partner girlfriend boyfriend fiancé fiancée son daughter child children
            kid kids baby mother father mom mum dad parents brother sister siblings sibling twin
            twins grandmother grandfather grandma grandpa nephew niece uncle aunt cousin dog dogs
            cat cats puppy kitten pet pets horse hamster parrot married divorced family house flat
            apartment garden roommate flatmate"""
        ),
    ),
    (
        Theme.WORK,
        word_set(
            """job work career employer employed company boss manager colleague colleagues team
            office salary student study studying university college degree phd masters thesis
            school teacher engineer developer nurse freelance freelancer startup profession
            retired intern promoted"""
        ),
    ),
    (
        Theme.ABOUT,
        word_set(
            """born grew native nationality citizen identify pronouns speak bilingual religion
            christian muslim jewish buddhist hindu atheist introvert extrovert tall vision
            left-handed gay lesbian bisexual trans nonbinary"""
        ),
    ),
    (
        Theme.TOOLS,
        word_set(
            """laptop keyboard macbook thinkpad iphone android linux windows macos ubuntu editor app
            software terminal monitor printer camera phone tablet ipad kindle headphones"""
        )
        | frozenset(
            name
            for name in TOOLS
            if len(name) > 3 and " " not in name and name not in ("swift", "craft", "bear")
        ),
    ),
)
_DEFAULTS = {
    Category.PREFERENCES: Theme.TASTES,
    Category.PROJECTS: Theme.PROJECTS,
    Category.DATES: Theme.PLANS,
    Category.BELIEFS: Theme.BELIEFS,
    Category.DECISIONS: Theme.DECISIONS,
}


def theme_of(fact: Fact, topic: str) -> Theme:
    """The heading a fact is told under: the slot it speaks of decides, then its words, then its category."""
    if topic.startswith(("slot:", "many:")):
        return _SLOT_THEMES.get(topic.split(":", 2)[1], _DEFAULTS[fact.category])
    words = {word.casefold() for word in tokens(fact.statement)}
    if fact.category is Category.PREFERENCES and _asks(fact, words):
        return Theme.ANSWERS
    if fact.category in (Category.DATES, Category.DECISIONS):
        return _DEFAULTS[fact.category]
    for theme, telling in _WORDS:
        if not telling.isdisjoint(words) and not (
            fact.category is Category.PROJECTS and theme is not Theme.WORK
        ):
            return theme
    return _DEFAULTS[fact.category]


def _asks(fact: Fact, words: set[str]) -> bool:
    """True for what the person asks of the assistant: an imperative about answers, or custom instructions."""
    first = fact.statement.split(maxsplit=1)[0].casefold().rstrip(",") if fact.statement.strip() else ""
    if first not in _ANSWER_OPENERS:
        return False
    return (
        fact.source_kind is SourceKind.CUSTOM_INSTRUCTIONS
        or not _ANSWER_WORDS.isdisjoint(words)
        or first == "always"
    )
