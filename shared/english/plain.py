"""Text as the rules see it: folded (lower case, straight apostrophes, same length) and plain (contractions
spelled out).

Folding keeps every offset, so what matches in folded text is cut out of the person's own text. Plain text is
for matching only: a rule is written once, as `i live in`, and sees "I’m currently living in", "im living in"
alike.
"""

from __future__ import annotations

from shared.english.words import words_of

_STRAIGHT = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "‛": "'",
        "ʼ": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "「": '"',
        "」": '"',
        "\u00a0": " ",
    }
)
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

_SPELLED_OUT = {
    "i'm": "i am", "im": "i am", "iam": "i am", "i've": "i have", "ive": "i have", "i'd": "i would",
    "i'll": "i will", "we're": "we are", "we've": "we have", "we'd": "we would", "we'll": "we will",
    "dont": "do not", "don't": "do not", "doesn't": "does not", "doesnt": "does not", "didn't": "did not",
    "didnt": "did not", "can't": "can not", "cant": "can not", "cannot": "can not", "isn't": "is not",
    "aren't": "are not", "wasn't": "was not", "won't": "will not", "haven't": "have not",
    "havent": "have not", "hasn't": "has not", "you're": "you are", "name's": "name is",
    "favorite": "favourite", "fav": "favourite", "fave": "favourite", "favourites": "favourite",
    "practising": "practicing",
}  # fmt: skip
_COLOURLESS = words_of(
    "currently presently now also actually really just still personally mostly mainly originally "
    "absolutely basically recently already simply truly definitely proudly finally kinda totally very "
    "pretty quite officially deeply genuinely honestly especially particularly strongly firmly myself too "
    "both happily once even certainly literally obviously fully completely largely primarily"
)
OPENING_CONTRACTIONS = frozenset(
    word for word, spelled in _SPELLED_OUT.items() if spelled.startswith(("i ", "we ", "do "))
)


def fold(text: str) -> str:
    """`text` in lower case with straight quotes, character for character: offsets stay true."""
    if text.isascii():
        return text.lower()
    folded = text.translate(_STRAIGHT)
    lower = folded.lower()
    return lower if len(lower) == len(text) else folded.translate(_ASCII_LOWER)


def plain(clause: str) -> str:
    """A folded clause with contractions spelled out, colourless adverbs left out, and "we" read as "i"."""
    text = " ".join([_SPELLED_OUT.get(word, word) for word in clause.split() if word not in _COLOURLESS])
    if text.startswith("we "):
        text = f"i am {text[7:]}" if text.startswith("we are ") else f"i {text[3:]}"
    elif text.startswith("our "):
        text = f"my {text[4:]}"
    return f"i have {text[11:]}" if text.startswith("i have got ") else text
