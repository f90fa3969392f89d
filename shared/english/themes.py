"""The themes under which a memory tells its facts."""

from __future__ import annotations

from enum import StrEnum

from shared.domain.facts import Category, Fact, SourceKind
from shared.english.names import TOOLS
from shared.english.wording import tokens
from shared.english.words import words_of


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

_ANSWER_OPENERS = words_of(
    """always never please answer reply respond use write keep give call be avoid don't explain speak
    do talk format include stop skip address assume start end prefer"""
)
_PERSON = words_of("i my we our me the a an they user")
_ANSWER_WORDS = words_of(
    """answer answers reply replies respond response responses explanation explanations me tone
    bullet bullets markdown emoji emojis concise brief step-by-step summary summaries you your
    disclaimer disclaimers"""
)
_WORDS = (
    (
        Theme.HEALTH,
        words_of(
            """allergic allergy allergies diabetes diabetic asthma migraine migraines adhd autism
            autistic anxiety depression depressed insomnia medication pregnant surgery diagnosed
            doctor therapist therapy blood cholesterol celiac coeliac intolerant intolerance
            epilepsy arthritis injury disability deaf blind vegan vegetarian pescatarian smoking
            smoke sober dyslexic dyslexia chronic"""
        ),
    ),
    (
        Theme.HOME,
        words_of(
            """wife husband partner girlfriend boyfriend fiancé fiancée son daughter child children
            kid kids baby mother father mom mum dad parents brother sister siblings sibling twin
            twins grandmother grandfather grandma grandpa nephew niece uncle aunt cousin dog dogs
            cat cats puppy kitten pet pets horse hamster parrot married divorced family house flat
            apartment garden roommate flatmate"""
        ),
    ),
    (
        Theme.WORK,
        words_of(
            """job work career employer employed company boss manager colleague colleagues team
            office salary student study studying university college degree phd masters thesis
            school teacher engineer developer nurse freelance freelancer startup profession
            retired intern promoted"""
        ),
    ),
    (
        Theme.ABOUT,
        words_of(
            """born grew native nationality citizen identify pronouns speak bilingual religion
            christian muslim jewish buddhist hindu atheist introvert extrovert tall vision
            left-handed gay lesbian bisexual trans nonbinary"""
        ),
    ),
    (
        Theme.TOOLS,
        words_of(
            """laptop keyboard macbook thinkpad smartphone linux macos ubuntu neovim vscode app software
            terminal printer camera tablet ipad iphone kindle headphones"""
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


def theme_of(fact: Fact, matter: str) -> Theme:
    """The heading a fact is told under: the slot it speaks of decides, then its words, then its category."""
    if matter.startswith(("slot:", "many:")):
        return _SLOT_THEMES.get(matter.split(":", 2)[1], _DEFAULTS[fact.category])
    said = tokens(fact.statement)
    words = {word.casefold() for word in said}
    if fact.category is Category.PREFERENCES and _asks(fact, words):
        return Theme.ANSWERS
    if fact.category in (Category.DATES, Category.DECISIONS):
        return _DEFAULTS[fact.category]
    if any(word[0].isupper() and word.casefold() in TOOLS for word in said[1:]):
        words.add("software")
    for theme, telling in _WORDS:
        if not telling.isdisjoint(words) and not (
            fact.category is Category.PROJECTS and theme is not Theme.WORK
        ):
            return theme
    return _DEFAULTS[fact.category]


def _asks(fact: Fact, words: set[str]) -> bool:
    """True for what is asked of the assistant: an imperative about answers, or in custom instructions."""
    first = next(iter(fact.statement.casefold().split()), "").rstrip(",")
    if fact.source_kind is SourceKind.CUSTOM_INSTRUCTIONS:
        return first.replace("’", "'").split("'")[0] not in _PERSON
    return first in _ANSWER_OPENERS and (first == "always" or not _ANSWER_WORDS.isdisjoint(words))
