"""What is no export, or holds nothing though it looks like one: what was found is said."""

from __future__ import annotations

from pathlib import Path

from tests.support.exports import zip_of
from tests.unit.exports.test_source_bad import read, refusal, written


def test_what_is_no_export_is_named_with_what_would_be_one(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, "x.json", b'{"a": 1}'))
    assert "the one file that could hold conversations (x.json) is of no format it knows" in message
    assert "It reads chatgpt, claude, gemini, grok" in message
    several = zip_of({f"{n}.json": b"{}" for n in range(5)})
    message = refusal(written(tmp_path, "x.zip", several))
    assert (
        "none of 5 files that could hold conversations (x.zip/0.json, x.zip/1.json, x.zip/2.json and 2 more)"
        in (message)
    )
    assert "there is no JSON, HTML or CSV file in it" in refusal(written(tmp_path, "x.txt", b"remember"))


def test_what_looks_like_an_export_and_holds_no_conversation_is_told(tmp_path: Path) -> None:
    style = "<html><style>.mdl-typography .mdl-cell .mdl-grid</style><body></body></html>"
    _, breaks = read(written(tmp_path, "page.html", style.encode()))
    assert [each.reason for each in breaks] == ["it looks like gemini, but no conversation was found in it"]
