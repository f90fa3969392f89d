"""Neutral English: what a person asks and what an assistant explains, with no durable fact about anybody.

A person's filler is questions and requests only, drawn live from some millions of combinations, so no reader
gains from having seen a sentence before. An assistant's paragraphs are drawn once and reused: they are four
fifths of the text, and nobody extracts from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random

TOPICS = (
    "tidal energy", "suspension bridges", "sourdough fermentation", "binary search trees", "the water cycle",
    "medieval trade routes", "solar panels", "glacier movement", "public libraries", "compost heaps",
    "railway signalling", "volcanic soil", "weather forecasting", "paper making", "database indexes",
    "coral reefs", "clock escapements", "city parks", "wind turbines", "stained glass", "rate limiting",
    "olive oil pressing", "bird migration", "steam engines", "garbage collection in runtimes", "night trains",
    "street lighting", "wool dyeing", "river deltas", "map projections", "the printing press", "heat pumps",
    "beehives", "rainwater harvesting", "optical fibres", "canal locks", "kite design", "unit testing",
    "cheese ageing", "peat bogs", "lighthouse lenses", "crop rotation", "sorting algorithms", "sea walls",
    "bicycle gears", "ceramic glazes", "noise barriers", "the metric system", "tram networks", "fog",
    "message queues", "tree grafting", "watermills", "container shipping", "snow avalanches", "typefaces",
    "greenhouse ventilation", "suspense in short stories", "the rhyme scheme of a sonnet", "chess openings",
    "probability puzzles", "the golden ratio", "hash functions", "early photography", "ocean currents",
    "rice terraces", "musical temperament", "earthquake sensors", "desert plants", "postal systems",
    "lens grinding", "salt marshes", "elevator scheduling", "barn owls", "bread ovens", "tea cultivation",
    "regular expressions", "cave paintings", "harbour dredging", "mountain weather", "knot theory",
    "colour perception", "sound insulation", "the history of zero", "spice markets", "dry stone walls",
    "thermal imaging", "leap years", "rope bridges", "cloud chambers", "load balancing", "ferry timetables",
    "silk weaving", "meteor showers", "aqueducts", "version control", "mushroom cultivation", "dam spillways",
)  # fmt: skip

SCOPES = (
    "in cold climates", "for beginners", "over the last century", "at a small scale", "in simple terms",
    "in densely built cities", "from a historical angle", "with limited water", "during a long winter",
    "in a classroom", "near the coast", "on a tight budget", "without special tools", "in mountain regions",
    "for a short talk", "under heavy load", "in the early days", "across different countries",
    "at night", "in practice", "in theory", "for a school project", "step by step", "in wet summers",
)  # fmt: skip

QUESTIONS = (
    "How does {a} work {s}?",
    "What is the difference between {a} and {b} {s}?",
    "Why does {a} matter {s}?",
    "What are the usual mistakes people make with {a} {s}?",
    "How is {a} related to {b}?",
    "Which books explain {a} well {s}?",
    "What would a short outline on {a} and {b} look like?",
    "Is there a simple way to explain {a} {s}?",
    "How did {a} change {s}?",
    "What does a typical example of {a} look like {s}?",
    "Which terms come up most often around {a} and {b}?",
    "How do engineers measure the quality of {a} {s}?",
    "What came first, {a} or {b}?",
    "Does {a} depend on {b} {s}?",
    "What are three open questions about {a} {s}?",
    "How long does it usually take to learn the basics of {a} {s}?",
    "Can you compare {a} with {b} {s}?",
    "Could you explain {a} {s}, with one example?",
    "Could you list the main parts of {a} {s}?",
    "Please describe {a} {s} in {n} sentences.",
    "Please list {n} common misunderstandings about {a} {s}.",
    "Please put {a} and {b} side by side in a table.",
    "Explain {a} {s} in about {n}0 words.",
    "Give {n} short examples of {a} {s}.",
    "Write a title and {n} headings for an article on {a} {s}.",
    "Show the same for {b}, but {s}.",
    "And what about {b} {s}?",
)
"""None asks for something to be done to a text ("summarise ..."): what follows could then be that text."""

_OPENINGS = (
    "In short, {a} rests on a balance of forces that is easy to miss {s}.",
    "There are several ways to look at {a}, and each of them answers a different question.",
    "The usual starting point for {a} is a plain description of what goes in and what comes out.",
    "Compared with {b}, {a} is slower to set up but easier to keep in order {s}.",
    "Most introductions to {a} begin with the same picture, and it is a good one.",
    "A careful answer has to separate {a} from {b}, since the two are often mixed up.",
)
_MIDDLES = (
    "The first step is preparation: the material has to be clean, dry and of an even size.",
    "Small differences at the start grow over time, which is why early checks pay for themselves.",
    "In textbooks this appears as a simple diagram; in the field it is rarely that tidy.",
    "The cost depends mostly on distance, on labour and on how often the work has to be repeated.",
    "Older methods relied on experience alone, while newer ones add a few cheap measurements.",
    "Where {b} plays a part, the order of the steps matters more than their speed.",
    "A useful rule of thumb is to change one thing at a time and to write down the result.",
    "The same idea appears in {b}, only with other names for the parts.",
    "Several sources disagree on the exact figures — the general direction is not in doubt.",
    "For a rough estimate, take the average over a week and leave out the extreme values.",
    "It helps to think of {a} as a chain: the weakest link decides the outcome.",
    "None of this needs special equipment; a notebook and a steady routine are enough.",
)
_CLOSINGS = (
    "With that in mind, {a} becomes a matter of patience rather than of talent.",
    "That is the core of it; the remaining details follow from {b}.",
    "A good next step is to sketch the parts of {a} on paper and to label each of them.",
    "The short version: begin small, measure, and adjust.",
)
_LISTS = (
    "Here is a list:\n\n1. **Preparation** – gather what {a} needs.\n2. **A first pass** – keep it small."
    "\n3. **Review** – compare the result with {b}.\n4. **Repeat** – until the difference is negligible.",
    "| Aspect | {a} | {b} |\n|---|---|---|\n| Effort | moderate | low |\n| Cost | low | moderate |\n"
    "| Typical error | haste | neglect |",
    "```python\ndef estimate(samples: list[float]) -> float:\n    total = sum(samples)\n"
    "    return total / len(samples) if samples else 0.0\n```\n\nThe function gives the plain average.",
)
PARAGRAPHS = 2000
"""How many assistant paragraphs there are to draw from; together about a megabyte."""


def question(rng: Random) -> str:
    """One question or request of 30 to 120 characters."""
    pick = rng.random
    template = QUESTIONS[int(pick() * len(QUESTIONS))]
    return template.format(
        a=TOPICS[int(pick() * len(TOPICS))],
        b=TOPICS[int(pick() * len(TOPICS))],
        s=SCOPES[int(pick() * len(SCOPES))],
        n=2 + int(pick() * 8),
    )


def questions(rng: Random, characters: float) -> list[str]:
    """Questions of about `characters` in all, at least one."""
    found = [question(rng)]
    length = len(found[0])
    while length < characters - 40:
        found.append(question(rng))
        length += len(found[-1]) + 1
    return found


def explanation(rng: Random, characters: float) -> str:
    """What an assistant answers: paragraphs of about `characters` in all, at least a sentence."""
    pool = paragraphs()
    if characters < 150:
        return pool[int(rng.random() * PARAGRAPHS)].partition(". ")[0].rstrip(".") + "."
    parts: list[str] = []
    length = 0
    while length < characters:
        part = pool[int(rng.random() * PARAGRAPHS)]
        if length + len(part) > characters + 200:
            cut = part.rfind(". ", 0, int(characters - length) + 1)
            if cut > 0:
                parts.append(part[: cut + 1])
            elif not parts:
                parts.append(part)
            break
        parts.append(part)
        length += len(part) + 2
    return "\n\n".join(parts)


@cache
def paragraphs() -> tuple[str, ...]:
    """The assistant's paragraphs: the same in every export."""
    return tuple(_draw_paragraphs(Random("paragraphs")))


def _draw_paragraphs(rng: Random) -> Iterator[str]:
    for _ in range(PARAGRAPHS):
        if rng.random() < 0.1:
            sentences = [rng.choice(_LISTS)]
        else:
            middles = rng.sample(_MIDDLES, rng.randint(2, 6))
            sentences = [rng.choice(_OPENINGS), *middles, rng.choice(_CLOSINGS)]
        a, b = rng.sample(TOPICS, 2)
        yield " ".join(sentences).format(a=a, b=b, s=rng.choice(SCOPES))
