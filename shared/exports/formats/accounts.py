"""Whose an export is: the account that its conversations name, or a file that lies beside them."""

from __future__ import annotations

from typing import Any

from shared.exports.conversation import Account
from shared.exports.formats.base import Head
from shared.exports.formats.fields import id_of, objects_of

_CHATGPT = ("chatgpt_plus_user", "phone_number", "birth_year")
_CLAUDE = ("full_name", "email_address", "verified_phone_number")
_DEEPSEEK = ("email", "mobile", "mobile_number")


def account_of(vendor: str, holder: object, key: str) -> Account | None:
    """The account whose id stands under `key` of `holder`; None where there is none."""
    account_id = id_of(holder.get(key)) if isinstance(holder, dict) else ""
    return Account(vendor, account_id) if account_id else None


def account_beside(head: Head) -> Account | None:
    """The account of which a file beside the conversations tells: ChatGPT's and DeepSeek's `user.json`,
    Claude's `users.json` of one person. Known by shape, as formats are; None for any other file. Never an
    e-mail address: a person may change that, and keep the account."""
    items = objects_of(head.objects)
    if len(items) != 1:
        return None  # of a team: its conversations say whose each is
    (item,) = items
    if head.container == "object":
        if _has(item, _CHATGPT) and "email" in item:
            return account_of("chatgpt", item, "id")
        if _has(item, _DEEPSEEK):
            return account_of("deepseek", item, "user_id")
    elif _has(item, _CLAUDE):
        return account_of("claude", item, "uuid")
    return None


def _has(item: dict[str, Any], keys: tuple[str, ...]) -> bool:
    return not item.keys().isdisjoint(keys)
