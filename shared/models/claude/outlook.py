"""What calls may take, before any is made, as a range: how many facts a history holds nobody knows before it
is read, and replies are what costs most."""

from __future__ import annotations

import math

from shared.domain.events import ChunkReady, Usage
from shared.domain.text import BYTES_PER_TOKEN, estimate_tokens
from shared.models.base import LINE_TOKENS, Findings, Outlook
from shared.models.claude.options import ClaudeOptions
from shared.models.claude.prompts import MEMORY, REDUCE, SECTIONS
from shared.models.claude.request import Request
from shared.models.claude.traits import traits_of
from shared.models.claude.writing import EXCERPT_CHARS, GROUP_TOKENS, READ_FOR_EACH_KEPT, SECTIONS_TOKENS

OUTPUT_SHARE = 0.06
"""Tokens of a reply for each of its prompt, as a rule: what two facts in a conversation of 13.6 KB give."""
FACT_TOKENS = 55
"""Tokens of a reply for a fact: statement, quote, ids, category."""
EMPTY_TOKENS = 12
"""Tokens of a reply without one."""
TOKENS_A_FACT = 80
"""Of the person's words: histories that hold more facts than one for so many, and one a message, are rare."""
LIKELY = 1 / 5
"""Of the most facts: how many there are as a rule. At least there are none."""
CLIPPED_TOKENS = 100
"""Most tokens of an excerpt."""
EXCERPT_SHARE = 0.4
"""Tokens of excerpts for each of the chunks, where only their size is known."""
LEAST_MARGIN = 1.0
"""Tokens for each that `estimate_tokens` counts, of a model that counts few."""


def findings_of(chunk: ChunkReady) -> Findings:
    """The facts that a chunk holds at most, and what of it the sections read."""
    sizes = [estimate_tokens(message.text) for message in chunk.messages if message.role == "user"]
    facts = max(float(len(sizes)), sum(sizes) / TOKENS_A_FACT)
    return Findings(facts, sum(min(size, CLIPPED_TOKENS) for size in sizes))


def reading(request: Request, found: Findings, options: ClaudeOptions) -> Outlook:
    """What a call that reads a chunk may take."""
    traits = traits_of(options.model)
    tokens = request.prompt.fixed_tokens + estimate_tokens(request.data)
    cached = request.prompt.cached_tokens(options.model)

    def taken(margin: float, output: float, thinking: int, *, from_cache: bool) -> Usage:
        read = math.floor(cached * margin) if from_cache else 0
        usage = Usage(
            calls=1,
            input_tokens=math.ceil(tokens * margin) - read,
            cache_read_tokens=read,
            output_tokens=min(options.max_tokens, math.ceil(output * margin) + thinking),
        )
        return usage.model_copy(update={"cost": options.prices.cost(options.model, usage)})

    low, mean, high = traits.thinking
    most = EMPTY_TOKENS + found.facts * FACT_TOKENS
    return Outlook(
        taken(LEAST_MARGIN, EMPTY_TOKENS, low, from_cache=True),
        taken(traits.token_margin, min(most, tokens * OUTPUT_SHARE), mean, from_cache=True),
        taken(traits.token_margin, most, high, from_cache=False),
    )


def writing(options: ClaudeOptions, found: Findings, budget_tokens: int) -> Outlook:
    """What reduction, MEMORY and the sections may take of all that the chunks hold."""
    traits = traits_of(options.model)
    return Outlook(
        _writing(options, 0, found.excerpt_tokens, budget_tokens, LEAST_MARGIN, traits.thinking[0]),
        written(options, round(found.facts * LIKELY), found.excerpt_tokens, budget_tokens),
        _writing(
            options,
            math.ceil(found.facts) * (FACT_TOKENS + 4),
            found.excerpt_tokens,
            budget_tokens,
            traits.token_margin,
            traits.thinking[2],
        ),
    )


def written(options: ClaudeOptions, facts: int, excerpt_tokens: int, budget_tokens: int) -> Usage:
    """What a memory of so many settled facts likely takes; without one the sections are written from the
    excerpts alone."""
    traits = traits_of(options.model)
    listed = facts * LINE_TOKENS
    return _writing(options, listed, excerpt_tokens, budget_tokens, traits.token_margin, traits.thinking[1])


def _writing(
    options: ClaudeOptions, listed: int, excerpts: int, budget_tokens: int, margin: float, thinking: int
) -> Usage:
    """Facts beyond the budget are read once more, some of them, and about one in eight of their tokens comes
    back as a number; MEMORY and the sections read the rest once each, the sections the excerpts too."""
    reduced = min(listed, budget_tokens * READ_FOR_EACH_KEPT) if listed > budget_tokens else 0
    groups = -(-reduced // GROUP_TOKENS)
    kept = min(listed, budget_tokens)
    memory = MEMORY.fixed_tokens if listed else 0
    fixed = groups * REDUCE.fixed_tokens + memory + SECTIONS.fixed_tokens
    excerpts = min(excerpts, EXCERPT_CHARS // BYTES_PER_TOKEN)
    calls = (2 if listed else 1) + groups
    usage = Usage(
        calls=calls,
        input_tokens=math.ceil((reduced + 2 * kept + fixed + excerpts) * margin),
        output_tokens=math.ceil((reduced // 8 + kept + min(kept, SECTIONS_TOKENS)) * margin)
        + calls * thinking,
    )
    return usage.model_copy(update={"cost": options.prices.cost(options.model, usage)})
