"""What of a clause the gate looks at: its words and what kinds of words they are, how it begins, what stands
before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, pairwise

from shared.english.gate.lexicon import CLASSES
from shared.english.sentences import Clause
from shared.english.words import words_of

MOST_WORDS = 40
"""Words of a clause that are looked at."""
NEAR = 160
"""Characters on either side of it in which a text is looked for that others may have written."""
FAR = 100
"""Characters before it in which a colon is looked for, and behind it in which its next words are."""
INFLECTED = 6
"""Letters from which the end of a word tells what word it is: a trade, an illness, a deed of the past."""
PART = 60
"""Characters by which it is told how long a message is, and where in it a clause stands."""
MOST_PARTS = 9
SHORT = 6
"""Words of a clause at most whose form as a whole is looked at."""
_WORD = re.compile(r"[^\W\d_]++(?:-\d++|(?:['-][^\W\d_]++)*+)|\d+(?:[.,:]\d+)*|[£$€₹!?:;\"()…]|\.\.\.")
_ASCII_WORD = re.compile(r"[a-zA-Z]++(?:-\d++|(?:['-][a-zA-Z]++)*+)|\d+(?:[.,:]\d+)*|[$!?:;\"()]|\.\.\.")
"""The same in plain letters, in half the time."""
_SPELLED = {
    "i'm": "i am", "im": "i am", "ive": "i have", "i've": "i have", "i'd": "i would", "id": "i would",
    "i'll": "i will", "we're": "we are", "we've": "we have", "we'll": "we will", "we'd": "we would",
    "dont": "do not", "don't": "do not", "doesnt": "does not", "doesn't": "does not", "didnt": "did not",
    "didn't": "did not", "cant": "can not", "can't": "can not", "cannot": "can not", "won't": "will not",
    "wont": "will not", "isn't": "is not", "isnt": "is not", "aren't": "are not", "wasn't": "was not",
    "wasnt": "was not", "haven't": "have not", "havent": "have not", "hasn't": "has not",
    "hadn't": "had not",
    "couldn't": "could not", "wouldn't": "would not", "shouldn't": "should not", "it's": "it is",
    "that's": "that is", "thats": "that is", "he's": "he is", "she's": "she is", "they're": "they are",
    "there's": "there is", "theres": "there is", "you're": "you are", "favorite": "favourite",
    "fav": "favourite",
    "fave": "favourite", "u": "you", "ur": "your", "mom": "mum", "bc": "because", "cuz": "because",
    "tho": "though", "yrs": "years", "yr": "year", "tmrw": "tomorrow", "wanna": "want to",
    "gonna": "going to",
    "gotta": "got to", "anymore": "any more",
}  # fmt: skip
_SUBJECTS = {
    "i": "I", "we": "WE", "my": "MY", "our": "MY", "it": "IT", "this": "IT", "that": "IT", "these": "IT",
    "those": "IT", "there": "IT", "he": "HE", "she": "HE", "they": "HE", "you": "YOU", "your": "YOU",
    "the": "THE", "a": "A", "an": "A", "what": "WH", "how": "WH", "why": "WH", "when": "WH", "where": "WH",
    "who": "WH", "which": "WH", "if": "IF", "me": "I", "mine": "I", "as": "AS", "not": "NOT", "no": "NOT",
}  # fmt: skip
_DANGLES = words_of("it this that these those there one ones them him her they he she same here such so")
_FIRST = words_of("i we my our me us mine myself ours")
_SKIPPED = words_of(
    "also just really actually still always never now currently usually mostly only ever even probably "
    "definitely honestly finally recently already often sometimes literally basically kind of sort"
)
_CONDITIONAL = re.compile(
    r"(?<![\w'])(?:if|unless|suppose|imagine|pretend|assum\w+|let's say|whether|as if|wish|would|could"
    r"|maybe"
    r"|perhaps|might|probably|say)(?![\w'])"
)
_RUN = re.compile(r"[a-z]+")
_HINTS_OF_MADE_UP = words_of(
    "story novel poem lyric lyrics song character scene dialogue role roleplay pretend act imagine "
    "sentence example "
    "proofread correct rewrite rephrase paraphrase caption tweet essay speech script fiction narrator "
    "monologue quote "
    "says said wrote email mail message review bio cover post advert ad ads slogan joke meme test code "
    "log survey "
    "template draft"
)
"""Of them the first words, but for "translated": without one there is no need to search."""
_MADE_UP = re.compile(
    r"(?<![\w'])(?:story|novel|poem|lyrics?|song|character|scene|dialogue|role-?play|pretend|act as|imagine"
    r"|translat\w+|sentence|example|proofread|correct|rewrite|rephrase|paraphrase|caption|tweet|essay"
    r"|speech"
    r"|script|fiction|narrator|monologue|quote|says|said|wrote|email|mail|message|review|bio|cover letter"
    r"|post|advert|ad|ads|slogan|joke|meme|test|code|log|survey|template|draft)(?![\w'])"
)
_OF_TEXTS = words_of(
    "act ad ads advert alternate audio avatar backstory bio blank blanks blog blurb caption card case "
    "chapter character chorus code comic comment comments complaint copied copy correct dialog dialogue "
    "diary dialect dnd draft dream dungeon email episode essay eulogy example exercise fable fanfic "
    "fiction fill film fix form forwarded game ghostwrite grammar haiku headline homework hypothetical "
    "hypothetically imagine improv interview joke kata lesson letter limerick line lines listing log "
    "longer lyric lyrics mail meme memoir mock monologue name narrator note novel npc oc paragraph "
    "paraphrase pasted pasting persona placeholder play player podcast poem polish polite post poster "
    "pov presents pretend prof profile prompt proofread punchline quest questionnaire quiz quote quoted "
    "quoting reads reddit rephrase reply respondent review rewrite rhyme riddle role sample says scene "
    "scenario screenplay script section sentence sentences sequel she shorten shorter sign sim sketch "
    "skit slogan song soften speech spell standup stanza statement story style subject subtitle "
    "subtitles survey tape template test testimonial text them third thread tighten title toast tone "
    "transcribe transcript translate translation trope tweet user version verse vignette villain voice "
    "witness wizard wrote"
)
"""What speaks of a text: somebody's words may stand beside it."""


def _texts_in(low: str, start: int, end: int) -> Iterator[str]:
    """The words beside a clause, and in it, that speak of a text, or ask for one."""
    for word in _OF_TEXTS.intersection(_RUN.findall(low, max(0, start - NEAR), end + NEAR)):
        yield f"m={word}"


def _place(low: str, start: int, end: int) -> tuple[str, ...]:
    """How a message begins, how long it is, and where in it a clause stands."""
    return (
        f"first={' '.join(low[:PART].split(maxsplit=1)[:1])}",
        f"size={min(len(low) // PART, MOST_PARTS)}",
        f"from={min(start // PART, MOST_PARTS)}",
        f"left={min((len(low) - end) // PART, MOST_PARTS)}",
    )


def _lead(low: str, start: int) -> Iterator[str]:
    """What stands before the nearest colon ahead of a clause: whose words follow."""
    colon = low.rfind(":", max(0, start - FAR), start)
    if colon < 0:
        return
    line = low[max(0, colon - FAR // 2) : colon].rpartition("\n")[2]
    lead = _RUN.findall(line.rpartition(". ")[2])
    near = "at" if not low[colon + 1 : start].strip(" \t\"'*_>-\n") else "after"
    yield f"{near} lead"
    yield f"{near} lead={lead[-1] if lead else ''}"
    yield f"{near} lead {'own' if not _FIRST.isdisjoint(lead) else 'of none'}"


def words_in(text: str) -> list[str]:
    """The words and marks of a folded text, contractions spelled out, figures by their kind."""
    return _spelled((_ASCII_WORD if text.isascii() else _WORD).findall(text), MOST_WORDS)


def _first_words_in(text: str, most: int) -> list[str]:
    """The first of them, at the cost of the first ones."""
    return _spelled([found[0] for found in islice(_WORD.finditer(text), most)], most)


def _spelled(found: list[str], most: int) -> list[str]:
    words: list[str] = []
    for word in found[:most]:
        spelled = _SPELLED.get(word)
        if spelled is not None:
            words.extend(spelled.split())
        elif word.isalpha():
            words.append(word)
        elif word[0].isdigit():
            year = len(word) == 4 and word[:2] in ("19", "20")
            words.append("<year>" if year else "<number>")
        elif word[-1].isdigit():
            words.append("<name>")
        elif word.endswith("'s") and len(word) > 3:
            words.extend((word[:-2], "'s"))
        else:
            words.append(word)
    return words[:most]


def matter_in(text: str) -> list[str]:
    """The features of a folded text that tell of what it speaks, and not how."""
    words = words_in(text)
    if not words:
        return []
    kinds = [CLASSES.get(word, ()) for word in words]
    return _of_matter(words, kinds, *_subject_and_verb(words, kinds))


def _of_matter(words: list[str], kinds: list[tuple[str, ...]], subject: str, verb: str) -> list[str]:
    found = [f"w={word}" for word in words]
    found += [f"k={kind}" for each in kinds for kind in each]
    found += [f"x={word[-3:]}" for word in words if len(word) >= INFLECTED and word.isalpha()]
    found += [f"b={one} {two}" for one, two in pairwise(words)]
    found += (f"subject={subject}", f"verb={subject} {verb}")
    return found


def features(clause: Clause, previous: str = "") -> list[str]:
    """The features of a clause, some more than once; `previous` is the sentence before its own, folded."""
    sentence = clause.sentence
    text = sentence.low[clause.start : clause.end]
    original = sentence.original[clause.start : clause.end]
    words = words_in(text)
    if not words:
        return []
    kinds = [CLASSES.get(word, ()) for word in words]
    subject, verb = _subject_and_verb(words, kinds)
    found = _of_matter(words, kinds, subject, verb)
    shown = [f"<{each[0]}>" if each else word for each, word in zip(kinds, words, strict=True)]
    found += [f"c={one} {two}" for one, two in pairwise(shown)]
    found += [f"t={one} {two} {three}" for one, two, three in zip(shown, shown[1:], shown[2:], strict=False)]
    found += [f"g={one} {two}" for one, two in zip(shown, shown[2:], strict=False)]
    if len(words) <= SHORT:
        form = (each if each[0] == "<" or place < 3 else "_" for place, each in enumerate(shown))
        found.append(f"whole={' '.join(form)}")
    found += [f"s{place}={word}" for place, word in enumerate(words[:3])]
    found += [f"z{place}={each[0]}" for place, each in enumerate(kinds[:3]) if each]
    found.append(f"ends={words[-1]}")
    found.append(f"length={min(len(words), 20) // 3} of {subject.partition(' ')[0]}")
    own = not _FIRST.isdisjoint(words)
    found.append("own" if own else "impersonal")
    found += _dangling(words, kinds)
    if words[0].endswith("ing"):
        found.append("begins with a doing" if own else "speaks of a doing")
    if _is_named(original, text):
        found.append("named")
    if words[-1] in _DANGLES:
        found.append("ends in dangling")
    found.append(f"joint={clause.joint}")
    if sentence.asks:
        found.append("asks last" if clause.last else "asks")
    ahead = clause.before
    if ahead:
        if _CONDITIONAL.search(ahead):
            found.append("conditional before")
        if _MADE_UP.search(ahead):
            found.append("made up in sentence")
    found += _place(sentence.low, clause.start, clause.end)
    found += _texts_in(sentence.low, clause.start, clause.end)
    found += _lead(sentence.low, clause.start)
    if not previous:
        found.append("opens")
    elif _is_made_up(previous):
        found.append("made up before")
    before = _first_words_in(previous[-200:], 2) if previous else []
    if before:
        found.append(f"p={' '.join(before)}")
    behind = _first_words_in(sentence.low[clause.end : min(sentence.end, clause.end + FAR)], 2)
    found += (f"after={' '.join(behind[:1])}", f"after={' '.join(behind)}")
    if previous.endswith("?"):
        found.append("after question")
    mark = sentence.low[sentence.end : sentence.end + 1]
    if clause.last and mark in "!?.:":
        found.append(f"mark={mark}")
    return found


def _is_made_up(text: str) -> bool:
    if _HINTS_OF_MADE_UP.isdisjoint(_RUN.findall(text)) and "translat" not in text:
        return False
    return _MADE_UP.search(text) is not None


def _is_named(original: str, folded: str) -> bool:
    """Whether a word but the first begins with a capital, and is not "I"."""
    if original[1:] == folded[1:] and original.isascii():
        return False
    return any(
        word[0].isupper() and word not in ("I", "I'm", "I've", "I'd", "I'll") for word in original.split()[1:]
    )


def _dangling(words: list[str], kinds: list[tuple[str, ...]]) -> Iterator[str]:
    """How many words point to something else, where, and whether something came before that they may mean."""
    count, named = 0, False
    for place, word in enumerate(words):
        if word in _DANGLES:
            count += 1
            before = words[place - 1] if place else ""
            after = words[place + 1] if place + 1 < len(words) else ""
            yield f"dangles {'late' if named else 'early'}={word}"
            yield f"dangles behind={before}"
            yield f"dangles before={after if CLASSES.get(after) is None else CLASSES[after][0]}"
        elif kinds[place] or (len(word) > 4 and place > 2):
            named = True
    if count:
        yield f"dangles={min(count, 3)}"
        yield f"dangles in {len(words) // 4}"


def _subject_and_verb(words: list[str], kinds: list[tuple[str, ...]]) -> tuple[str, str]:
    """Of whom the clause speaks, roughly, and the word that follows, without adverbs."""
    at = 0
    while at < len(words) - 1 and words[at] in _SKIPPED:
        at += 1
    subject = _SUBJECTS.get(words[at], "")
    if subject == "MY":
        for step in (1, 2, 3):
            if at + step < len(words) and kinds[at + step]:
                subject = f"MY {kinds[at + step][0]}"
                at += step
                break
    elif not subject:
        first = kinds[at]
        return f"NONE {first[0] if first else ''}", words[at]
    at += 1
    while at < len(words) - 1 and words[at] in _SKIPPED:
        at += 1
    return subject, words[at] if at < len(words) else ""
