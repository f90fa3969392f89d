"""Lines of documents, bound to what they name: to facts, or to what the person's excerpts show of their
manner."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.domain.facts import SettledFact, SourceKind
from shared.english.binding.bound import Ground, why_unbound
from shared.english.binding.orders import asks_an_assistant, reads_as_order
from shared.english.binding.own import find_words
from shared.english.binding.reading import read
from shared.english.binding.vocabulary import GLUE
from shared.english.normalise import normalise
from shared.english.words import words_of

VALUE_WORDS = 5
"""Most words of a bare value."""
_OF_THEMSELVES = re.compile(
    r"\W*(?:i|i'm|i’m|im|i've|i’ve|my|we|our|the user|user|they|their)\b", re.IGNORECASE
)
_OF_ASSISTANT = re.compile(
    r"\b(?:you are|you're|your name|your role|act (?:as|like)|be (?:my|an?|more|less|the)|call(?:ed)? you"
    r"|name you"
    r"|emojis?|greet\w*|say hello|hello|tone|persona|character|friendly|formal|informal|playful|funny"
    r"|du bist|tu es"
    r"|eres|você é|sei)\b|你是|あなたは"
)
MANNER = words_of(
    """write writes writing written speak speaks ask asks asking message messages sentence sentences words
    wording style tone voice manner manners language english spelling punctuation grammar capital capitals
    letter letters lower case lowercase uppercase emoji emojis exclamation question questions marks mark list
    lists bullet bullets paragraph paragraphs detail details detailed short long brief briefly concise terse
    wordy verbose plain simple clear direct directly blunt polite politely courteous courtesy friendly warm
    warmly kind cheerful neutral formal informal formality casual casually relaxed colloquial slang
    abbreviations typos humour humor humorous funny dry ironic irony sarcastic sarcasm playful joking jokes
    witty serious earnest thoughtful careful precise precisely exact matter fact curious curiosity patient
    impatient enthusiastic enthusiasm excited emotional emotions emotion feeling feelings calm anxious
    worried stressed frustrated frustration grateful gratitude thanks thank thankful greets greeting
    greetings please request requests requesting explain explains explanation explanations explaining summary
    summaries summarise summarize translate translations translation help advice ideas brainstorm plan
    planning compare code coding debugging review feedback drafting draft text texts recipes often sometimes
    usually rarely mostly mainly frequently occasionally little few many uses use using prefers prefer likes
    values appreciates tends tend reflective expressive open honest modest humble confident hesitant
    respectful structured organised organized practical pragmatic analytical technical methodical creative
    context background first person second level deep shallow depth thorough thoroughly step steps by
    conversational light heavy moderate moderately low high minimal minimum no not without never"""
)
"""What a line that rests on no fact may say of how somebody writes and asks: a closed list, with which
nothing can be named and nothing asked for."""


def is_bound(text: str, facts: Sequence[SettledFact], told: str = "") -> bool:
    """Whether a line says no more than the facts it names; of names it may use those of `told`."""
    if not facts:
        return False
    said = "\n".join(fact.statement for fact in facts)
    quoted = "\n".join(fact.quote for fact in facts)
    days = [fact.stated_at.date() for fact in facts if fact.stated_at is not None]
    days += [day for fact in facts for day in (fact.valid_from, fact.valid_until) if day is not None]
    dated = "\n".join(f"{day:%Y} {day.month} {day.day} {day:%B}" for day in days)
    return why_unbound(text, Ground(said, f"{said}\n{quoted}", tuple(days), told, dated)) is None


def is_wish(fact: SettledFact) -> bool:
    """Whether the person asks something of an assistant with it: in custom instructions with whatever is not
    of themselves, elsewhere in words that are an order to an assistant or speak of its answers."""
    if asks_an_assistant(fact.quote) or reads_as_order(fact.statement):
        return True
    return fact.source_kind is SourceKind.CUSTOM_INSTRUCTIONS and _OF_THEMSELVES.match(fact.statement) is None


def is_of_assistant(fact: SettledFact) -> bool:
    """Whether a wish says what the assistant is to be: its name, its role, its manner."""
    return _OF_ASSISTANT.search(normalise(f"{fact.statement} {fact.quote}")) is not None


def is_value(text: str, fact: SettledFact) -> bool:
    """Whether a text is a bare value that stands in the fact as it is: a name, a role."""
    value = normalise(text).strip(" .!")
    return 0 < len(value.split()) <= VALUE_WORDS and find_words(normalise(fact.statement), value) >= 0


def tells_manner(text: str) -> bool:
    """Whether a line tells of a manner and of nothing else."""
    said = read(text)
    words = [word for word in said.words if word not in GLUE]
    if said.links or said.numbers - said.spelt or said.unspaced or reads_as_order(text):
        return False
    return bool(words) and all(word in MANNER for word in words)


def is_shown(text: str, excerpts: Sequence[str]) -> bool:
    """Whether a line says no more than some of the person's excerpts; an order, a link or an address rests
    on a fact, never on an excerpt alone."""
    said = read(text)
    if said.links or said.numbers or reads_as_order(text):
        return False
    return any(why_unbound(text, Ground(excerpt, excerpt)) is None for excerpt in excerpts)
