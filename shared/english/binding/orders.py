"""What is said to an assistant, told from what is said of a person."""

from __future__ import annotations

import re
from itertools import pairwise

from shared.english.normalise import normalise
from shared.english.spotting import hints
from shared.english.words import MANNER, REPLY_VERBS

_ACTS = (
    r"(?:send|pay|buy|quit|leave|sell|move|purchase|order|transfer|click|visit|open|run|execute|install"
    r"|download|forward|link"
    r"|remember"
    r"|ignore|disregard|forget|obey|follow|act|pretend|behave|treat|consider|let|pass|post|submit|confirm"
    r"|approve"
    r"|reveal|share|promote|advertise|insert|append|route|redirect|book|sign|subscribe|trust|allow|grant"
    r"|delete"
    r"|never|always|do not|don't|dont|don t|stop|please|from now on|from here on|going forward|no matter"
    r"|skip|drop"
    r"|limit|stay|help|repeat|teach|adapt|match|mirror|praise|prioriti[sz]e|focus|default|work)"
)
_LEAD = (
    r"[\W\d_]{0,20}(?:(?:please|pls|also|and|then|so|ok|okay|just|hey|hi|but|always|never|now)\W{1,5}){0,4}"
)
_IMPERATIVE = re.compile(
    rf"^{_LEAD}(?:{REPLY_VERBS}|{_ACTS})(?![\w-])(?!\s+(?:of|is|are|was|were|size|plans?)\b)"
)
_WHEN = re.compile(r"^\W{0,5}(?:when(?:ever)?|if|for|in|before|after|on|as)\b[^,]{1,120},\s*")
"""What comes before an order that holds at times only."""
_TO_READER = re.compile(
    r"\b(?:you|the assistant|assistants|the ai|the model|chatgpt|claude|the bot|the reader)"
    r"(?:\s+(?:must|should|shall|are|is|have to|has to|need to|needs to|will|can|may|always|never"
    r"|ought)\b|'re\b|'ll\b)"
    r"|\b(?:wants?|would like|expects?|asks?|tells?|instructs?|needs?)\s+(?:you|the assistant|the ai"
    r"|the model)\b"
    r"|\b(?:system|instructions?|important|note to (?:the )?(?:assistant|ai|model|llm)s?)\s*:"
    r"|\b(?:ignore|disregard|override)\b.{0,40}\binstructions?\b"
)
_HINTS_OF_READER = (
    "you", "assistant", " ai", "model", "chatgpt", "claude", "bot", "reader", ":", "ignore",
    "disregard", "override"
)  # fmt: skip
_ABROAD = re.compile(
    r"请|請|必须|必須|务必|不要|别|ください|なさい|必ず"
    r"|всегда |никогда не |пожалуйста|immer |bitte |toujours |siempre "
)
_HINTS_FROM_ABROAD = ("immer ", "bitte ", "toujours ", "siempre ")
"""Of them those in plain letters."""
_ASIDE = re.compile(
    r"\b(?:if|unless|how|whether|why|what|where|which|who|should i|do i|did i)\b"
    r"|怎么|怎麼|如何|吗|嗎|什么|为什么|どう|как |wie |comment |cómo "
)
_SENTENCE = re.compile(r"[.!?;:\n\u3002\uff01\uff1f]+")
_WITH_END = re.compile(r"[^.!?\n\u3002\uff01\uff1f]+[.!?\n\u3002\uff01\uff1f]*")
_POLITE = re.compile(
    r"\W{0,5}(?:please |and |ok |so )?(?:can|could|would|will) you (?:please )?"
    r"(?:always|never|from now|only|not |stop|keep|use|answer|reply|call)\b"
)
_ASKED = re.compile(
    r"\b(?:you|your|yours|u|ur|answers?|answered|repl(?:y|ies)|respon(?:d|ses?)|explanations?|assistant"
    r"|please|pls|call(?:ed)? me|called|from now on|in (?:the )?future|outputs?)\b"
    rf"|\b(?!(?<=hate )small talk|(?<=hates )small talk){MANNER}\b"  # that is of people
    r"|antwort|duze|sieze|répon|repond|tutoie|respond[ea]|respuesta|contesta|resposta|rispo|rispett"
    r"|antwoord"
    r"|odpow|vasta|svar|ответ|отвеч|називай|называй|відпов|απάντ|أجب|رد |الرد|ענה"
    r"|回答|回复|回覆|答え|返事|返信|답변|대답"
)


def reads_as_order(text: str) -> bool:
    """Whether a reader would take the text, or a sentence of it, as said to them: something to do."""
    said = normalise(text)
    if hints(said, _HINTS_OF_READER) and _TO_READER.search(said) is not None:
        return True
    if not (said.isascii() and not hints(said, _HINTS_FROM_ABROAD)) and _ABROAD.search(said) is not None:
        return True
    return any(_IMPERATIVE.match(_WHEN.sub("", sentence.strip())) for sentence in _SENTENCE.split(said))


def asks_an_assistant(text: str) -> bool:
    """Whether the person's words ask something of an assistant, or tell how they want answers."""
    return reads_as_order(text) or _ASKED.search(normalise(text)) is not None


def gives_order(clause: str, statement: str) -> str | None:
    """The sentence of the clause that asks what the statement asks, itself; None if there is none. A
    question asks nothing to be done for good, and what hangs on a condition is not asked without it."""
    for sentence in _WITH_END.findall(clause):
        said = normalise(sentence)
        if said.rstrip().endswith(("?", "？")) and not _POLITE.match(said):
            continue
        aside = _ASIDE.search(said)
        if aside is not None and _ASIDE.search(normalise(statement)) is None:
            continue
        if reads_as_order(said) or _ASKED.search(said) is not None:
            return str(sentence)
    return None


_STREET = re.compile(
    r"\b\d{1,5}[a-z]?,? (?:[\w'-]+ ){1,3}(?:street|st|road|rd|avenue|ave|lane|ln|drive|boulevard|blvd"
    r"|square|court|way|gardens|close|place|terrace|row|park|hill|house)\b"
    r"|\b[\w'-]*(?:straße|strasse|gasse|weg|platz)\.? \d{1,4}|\b(?:rue|calle|rua|via"
    r"|avenida) [\w' -]{2,40},? \d{1,4}"
    r"|\b(?:iban|account (?:number|no)|card (?:number|no)|p\.?o\.? box)\b"
)
_RECOMMENDS = re.compile(
    r"\b(?:recommend|always (?:buy|order|use|trust|pay)|purchases?|my name is|call me)\b"
)


def is_grave(statement: str, *, links: bool) -> bool:
    """Whether harm can be done with a statement if it is a stranger's: an order, a name or a role, where
    something is to be sent, bought or paid, a link. It needs surer ground than other facts."""
    said = normalise(statement)
    return (
        links or reads_as_order(statement) or (_STREET.search(said) or _RECOMMENDS.search(said)) is not None
    )


_ATTRIBUTED = re.compile(
    r"(?:(?<!\bi )(?<!\bi've )(?<!\bi don't )(?<!\bi don't really )\b(?:says?|said|claims?|claimed|thinks?"
    r"|told (?:me|us)|tells?|wrote|writes|insists?"
    r"|asked (?:me|us) to|wants me to|believes?|reads|stated|states? that)\b|\baccording to\b|\bwish\b"
    r"|\bif only\b|\bwhat if\b|\bwhy (?:should|would)\b|\bas if\b|\bpretend\b).{0,200}$"
)
_ANNOUNCING = 5
"""Words before a colon from which it announces what somebody else says, and is no "note:"."""
_HEAD = 40
"""Characters of a statement in which it says whose claim it is."""
_OWN_VERB = re.compile(
    r"(?<!\bi )\b(?:says?|said|claims?|thinks?|told|tells|wrote|wish|according|if|insists?|believes?"
    r"|wants me)\b"
)


def is_attributed(before: str, sentence: str, statement: str) -> bool:
    """Whether what comes before a clause in its sentence makes it somebody else's claim, or a wish, and the
    statement keeps that from its reader."""
    said = normalise(statement)
    words = said.split()
    pairs = (sentence.find(f"{one} {two}") for one, two in pairwise(words))
    at = next((found for found in pairs if found >= 0), 0)  # a statement may begin with words of its own
    before = f"{before}{sentence[:at]}"
    return _ATTRIBUTED.search(before) is not None and _OWN_VERB.search(said[:_HEAD]) is None


def is_announced(before: str) -> bool:
    """Whether a clause follows a colon that more than a word or two announce it with."""
    return len(before[: before.rfind(":") + 1].split()) >= _ANNOUNCING
