"""What is said to an assistant, told from what is said of a person."""

from __future__ import annotations

import re

from shared.english.normalise import normalise
from shared.english.words import MANNER, REPLY_VERBS

_ACTS = (
    r"(?:send|pay|buy|purchase|order|transfer|click|visit|open|run|execute|install|download|forward|link"
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
_TO_READER = re.compile(
    r"\b(?:you|the assistant|assistants|the ai|the model|chatgpt|claude|the bot|the reader)"
    r"(?:\s+(?:must|should|shall|are|is|have to|has to|need to|needs to|will|can|may|always|never"
    r"|ought)\b|'re\b|'ll\b)"
    r"|\b(?:wants?|would like|expects?|asks?|tells?|instructs?|needs?)\s+(?:you|the assistant|the ai"
    r"|the model)\b"
    r"|\b(?:system|instructions?|important|note to (?:the )?(?:assistant|ai|model|llm)s?)\s*:"
    r"|\b(?:ignore|disregard|override)\b.{0,40}\binstructions?\b"
)
_SENTENCE = re.compile(r"[.!?;:\n\u3002\uff01\uff1f]+")
_ASKED = re.compile(
    r"\b(?:you|your|yours|u|ur|answers?|answered|repl(?:y|ies)|respon(?:d|ses?)|explanations?|assistant"
    r"|please|pls|call(?:ed)? me|called|from now on|in (?:the )?future|outputs?)\b"
    rf"|\b{MANNER}\b"
    r"|antwort|duze|sieze|répon|repond|tutoie|respond[ea]|respuesta|contesta|resposta|rispo|rispett|antwoord"
    r"|odpow|vasta|svar|ответ|отвеч|називай|называй|відпов|απάντ|أجب|رد |الرد|ענה"
    r"|回答|回复|回覆|答え|返事|返信|답변|대답"
)


def reads_as_order(text: str) -> bool:
    """Whether a reader would take the text, or a sentence of it, as said to them: something to do."""
    said = normalise(text)
    return _TO_READER.search(said) is not None or any(
        _IMPERATIVE.match(sentence.strip()) for sentence in _SENTENCE.split(said)
    )


def asks_an_assistant(text: str) -> bool:
    """Whether the person's words ask something of an assistant, or tell how they want answers."""
    return reads_as_order(text) or _ASKED.search(normalise(text)) is not None
