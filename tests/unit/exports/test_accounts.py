"""Whose an export is: told by its conversations, by a file beside them, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.exports.conversation import Account, Conversation, LeftOut, ReadLimits, Rejected
from shared.exports.export import open_export, open_exports
from tests.support import samples
from tests.support.exports import chain, claude_chain, json_of, zip_of

TEXTS = ("I live in Porto.", "Noted!")
USER = {"id": "user-1", "email": "a@b.c", "chatgpt_plus_user": True, "phone_number": None}
USERS = [{"uuid": "u-1", "full_name": "Ana", "email_address": "a@b.c", "verified_phone_number": None}]


def accounts(*paths: Path) -> list[Account | None]:
    with open_exports(paths, ReadLimits()) as export:
        return [
            each.account
            for each in export.conversations()
            if isinstance(each, Conversation | Rejected | LeftOut)
        ]


def zipped(path: Path, **members: object) -> Path:
    """A zip with these members as JSON; two underscores in a name are a folder."""
    path.write_bytes(
        zip_of({f"{name.replace('__', '/')}.json": json_of(each) for name, each in members.items()})
    )
    return path


@pytest.mark.parametrize(
    ("conversations", "beside", "account"),
    [
        ([chain(*TEXTS)], {"user": USER}, Account("chatgpt", "user-1")),
        ([chain(*TEXTS)], {"users": USERS}, Account("chatgpt")),
        ([chain(*TEXTS)], {"user": {**USER, "id": None}}, Account("chatgpt")),
        ([chain(*TEXTS)], {}, Account("chatgpt")),
        ([claude_chain(*TEXTS)], {"users": USERS}, Account("claude", "u-1")),
        ([claude_chain(*TEXTS)], {"users": USERS * 2}, Account("claude")),
        ([claude_chain(*TEXTS, account="own")], {"users": USERS}, Account("claude", "own")),
        (samples.deepseek(TEXTS), {"user": {"user_id": "d", "mobile": "1"}}, Account("deepseek", "d")),
    ],
)
def test_the_account_is_told_by_the_conversation_or_by_what_lies_beside_it(
    tmp_path: Path, conversations: Any, beside: dict[str, Any], account: Account
) -> None:
    assert accounts(zipped(tmp_path / "e.zip", conversations=conversations, **beside)) == [account]


def test_conversations_of_open_webui_and_grok_name_their_user(tmp_path: Path) -> None:
    chats = samples.open_webui(TEXTS)
    grok = samples.grok(TEXTS)
    chats[0]["user_id"] = grok["conversations"][0]["conversation"]["user_id"] = "u-7"
    (tmp_path / "w.json").write_bytes(json_of(chats))
    (tmp_path / "g.json").write_bytes(json_of(grok))
    found = accounts(tmp_path / "w.json", tmp_path / "g.json")
    assert {each and (each.vendor, each.id) for each in found} == {("open-webui", "u-7"), ("grok", "u-7")}


def test_each_folder_of_an_export_has_the_account_that_lies_in_it(tmp_path: Path) -> None:
    other = {**USER, "id": "user-2"}
    path = zipped(
        tmp_path / "both.zip",
        home__conversations=[chain(*TEXTS, conversation_id="a")],
        home__user=USER,
        work__conversations=[chain(*TEXTS, conversation_id="b")],
        work__user=other,
    )
    assert accounts(path) == [Account("chatgpt", "user-1"), Account("chatgpt", "user-2")]


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = []
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        conversations = [chain(*TEXTS, conversation_id=f"c{number}")] * number
        user = {**USER, "id": f"user-{number}"}
        paths.append(zipped(tmp_path / str(number) / "export.zip", conversations=conversations, user=user))
    found = accounts(*paths)
    assert found == [Account("chatgpt", "user-2")] * 2 + [Account("chatgpt", "user-1")]


def test_what_cannot_be_read_is_of_the_account_of_what_was_read_before_it(tmp_path: Path) -> None:
    conversations = [claude_chain(*TEXTS, account="own"), {"uuid": "bad"}, {"uuid": "k", "chat_messages": []}]
    found = accounts(zipped(tmp_path / "e.zip", conversations=conversations))
    assert found == [Account("claude", "own")] * 3


@pytest.mark.parametrize("account", ["x" * 10_000, "", "  ", 7.5, [], {"uuid": "u"}, True])
def test_what_is_no_id_tells_of_no_account(tmp_path: Path, account: object) -> None:
    conversation = claude_chain(*TEXTS) | {"account": {"uuid": account}}
    assert accounts(zipped(tmp_path / "e.zip", conversations=[conversation])) == [Account("claude")]


def test_a_file_that_reports_name_is_of_the_account_that_it_holds(tmp_path: Path) -> None:
    path = zipped(tmp_path / "e.zip", conversations=[claude_chain(*TEXTS, account="own")], other={"no": 1})
    with open_export(path, ReadLimits()) as export:
        assert list(export.conversations())
        assert export.account_at("e.zip/conversations.json") == Account("claude", "own")
        assert export.account_at("e.zip/other.json") == Account("claude", "own"), "in the same container"
        assert export.account_at("elsewhere.zip/other.json") is None
