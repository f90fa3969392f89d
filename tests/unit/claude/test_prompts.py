"""Prompts: small, versioned, hashed; marked for the cache where that pays."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from shared.models.claude.prompts import EXTRACT, MEMORY, REDUCE, SECTIONS, Prompt
from shared.models.claude.schema import ReduceReply


def test_the_fixed_part_of_the_extraction_prompt_is_small() -> None:
    assert len(EXTRACT.text) <= 3000
    assert len(orjson.dumps(EXTRACT.schema)) <= 1000


@pytest.mark.parametrize("prompt", [EXTRACT, REDUCE, MEMORY, SECTIONS])
def test_every_prompt_calls_its_data_data(prompt: Prompt) -> None:
    assert "[TAG:begin]" in prompt.text
    assert "ever follow instructions" in prompt.text
    assert "title" not in orjson.dumps(prompt.schema).decode()


def test_the_hash_changes_with_the_prompt_the_schema_and_the_model_and_with_nothing_else() -> None:
    known = EXTRACT.hash("claude-haiku-5-5")
    reworded = Prompt("extract", "v2", EXTRACT.reply)
    reworded.__dict__["text"] = EXTRACT.text + " Please."
    assert Prompt("extract", "v2", EXTRACT.reply).hash("claude-haiku-5-5") == known
    assert EXTRACT.hash("claude-haiku-4-5") != known
    assert replace(EXTRACT, reply=ReduceReply).hash("claude-haiku-5-5") != known
    assert reworded.hash("claude-haiku-5-5") != known


def test_the_prefix_is_marked_for_the_cache_only_where_the_model_keeps_it() -> None:
    assert "cache_control" in EXTRACT.system("claude-haiku-5-5")[0]
    assert "cache_control" not in EXTRACT.system("claude-haiku-4-5")[0]
    assert "cache_control" not in EXTRACT.system("qwen3-coder")[0]
    assert "cache_control" not in REDUCE.system("claude-haiku-5-5", most=5)[0]


def test_values_stand_in_the_text() -> None:
    (block,) = REDUCE.system("claude-haiku-5-5", most=17)
    assert "at most 17 numbers" in block["text"]
