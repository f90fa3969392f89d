"""One conversation in the form of every format, from what the person and the assistant said by turns."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

START = 1_740_000_000
"""Unix seconds of the first message; each is a minute after the one before."""


def iso(number: int) -> str:
    """The time of the message of this number, as vendors write it."""
    return f"{datetime.fromtimestamp(START + 60 * number, UTC):%Y-%m-%dT%H:%M:%S}Z"


def chatgpt(texts: Sequence[str]) -> list[Any]:
    mapping: dict[str, Any] = {"root": {"id": "root", "message": None, "parent": None, "children": ["n0"]}}
    for number, text in enumerate(texts):
        mapping[f"n{number}"] = {
            "id": f"n{number}",
            "parent": f"n{number - 1}" if number else "root",
            "children": [],
            "message": {
                "id": f"m{number}",
                "author": {"role": _by_turns(number, "user", "assistant")},
                "content": {"content_type": "text", "parts": [text]},
                "create_time": START + 60 * number,
            },
        }
    last = f"n{len(texts) - 1}"
    return [{"id": "c", "title": "t", "create_time": START, "mapping": mapping, "current_node": last}]


def claude(texts: Sequence[str]) -> list[Any]:
    messages = [
        {
            "uuid": f"m{number}",
            "sender": _by_turns(number, "human", "assistant"),
            "content": [{"type": "text", "text": text}],
            "created_at": iso(number),
            "parent_message_uuid": f"m{number - 1}" if number else "00000000-0000-4000-8000-000000000000",
        }
        for number, text in enumerate(texts)
    ]
    return [{"uuid": "c", "name": "t", "created_at": iso(0), "chat_messages": messages}]


def grok(texts: Sequence[str]) -> dict[str, Any]:
    responses = [
        {
            "response": {
                "_id": f"m{number}",
                "sender": _by_turns(number, "human", "ASSISTANT"),
                "message": text,
                "create_time": iso(number),
                **({"parent_response_id": f"m{number - 1}"} if number else {}),
            }
        }
        for number, text in enumerate(texts)
    ]
    return {"conversations": [{"conversation": {"id": "c", "title": "t"}, "responses": responses}]}


def deepseek(texts: Sequence[str]) -> list[Any]:
    mapping: dict[str, Any] = {"root": {"id": "root", "message": None, "parent": None, "children": ["1"]}}
    for number, text in enumerate(texts, 1):
        kind = _by_turns(number - 1, "REQUEST", "RESPONSE")
        mapping[str(number)] = {
            "id": str(number),
            "parent": str(number - 1) if number > 1 else "root",
            "children": [str(number + 1)] if number < len(texts) else [],
            "message": {
                "files": [],
                "model": "deepseek-chat",
                "inserted_at": iso(number),
                "fragments": [{"type": kind, "content": text}],
            },
        }
    return [{"id": "c", "title": "t", "inserted_at": iso(0), "updated_at": iso(9), "mapping": mapping}]


def ai_studio(texts: Sequence[str]) -> dict[str, Any]:
    chunks = [
        {"text": text, "role": _by_turns(number, "user", "model"), "createTime": iso(number)}
        for number, text in enumerate(texts)
    ]
    prompt = {"chunks": chunks, "pendingInputs": [{"text": "", "role": "user"}]}
    return {"runSettings": {"temperature": 1.0}, "systemInstruction": {}, "chunkedPrompt": prompt}


def copilot(texts: Sequence[str]) -> bytes:
    rows = [
        ("t", iso(number - number % 2), _by_turns(number, "Human", "AI"), text)
        for number, text in enumerate(texts)
    ]
    return csv_of(("Conversation", "Time", "Author", "Message"), *reversed(rows))


def le_chat(texts: Sequence[str]) -> list[Any]:
    messages = [
        {
            "id": f"m{number}",
            "version": 0,
            "chatId": "c",
            "content": text,
            "contentChunks": None,
            "role": _by_turns(number, "user", "assistant"),
            "createdAt": iso(number),
            "files": [],
        }
        for number, text in enumerate(texts)
    ]
    return messages[::-1]


def perplexity(texts: Sequence[str]) -> dict[str, Any]:
    entries = [
        {"query": texts[at], "answer": "".join(texts[at + 1 : at + 2]), "created_at": iso(at)}
        for at in range(0, len(texts), 2)
    ]
    about = {"context_title": "t", "context_uuid": "c", "created_at": iso(0), "mode": "CONCISE"}
    return {"conversations": [{**about, "entries": entries}]}


def github_copilot(texts: Sequence[str]) -> dict[str, Any]:
    requests = [
        {
            "requestId": f"r{at}",
            "message": {"text": texts[at], "parts": []},
            "response": [{"value": text} for text in texts[at + 1 : at + 2]],
            "timestamp": (START + 60 * at) * 1000,
        }
        for at in range(0, len(texts), 2)
    ]
    return {"requesterUsername": "p", "responderUsername": "GitHub Copilot", "requests": requests}


def open_webui(texts: Sequence[str]) -> list[Any]:
    messages = {
        f"m{number}": {
            "id": f"m{number}",
            "parentId": f"m{number - 1}" if number else None,
            "role": _by_turns(number, "user", "assistant"),
            "content": text,
            "timestamp": START + 60 * number,
        }
        for number, text in enumerate(texts)
    }
    chat = {"title": "t", "history": {"messages": messages, "currentId": f"m{len(texts) - 1}"}}
    return [{"id": "c", "title": "t", "chat": chat}]


def librechat(texts: Sequence[str]) -> list[Any]:
    messages = [
        {
            "messageId": f"m{number}",
            "parentMessageId": f"m{number - 1}" if number else "00000000-0000-0000-0000-000000000000",
            "isCreatedByUser": number % 2 == 0,
            "sender": _by_turns(number, "User", "GPT-4"),
            "text": text,
            "createdAt": iso(number),
        }
        for number, text in enumerate(texts)
    ]
    return [{"conversationId": "c", "title": "t", "messages": messages}]


def chatbot_ui(texts: Sequence[str]) -> dict[str, Any]:
    messages = [
        {"role": _by_turns(number, "user", "assistant"), "content": text} for number, text in enumerate(texts)
    ]
    history = [{"id": "c", "name": "t", "messages": messages, "folderId": None}]
    return {"version": 4, "history": history, "folders": [], "prompts": []}


def gemini(texts: Sequence[str]) -> list[Any]:
    return [
        {
            "header": "Gemini Apps",
            "title": f"Prompted {texts[at]}",
            "time": iso(at),
            "safeHtmlItem": [{"html": html.escape(text)} for text in texts[at + 1 : at + 2]],
        }
        for at in range(0, len(texts), 2)
    ]


SAMPLES: dict[str, Callable[[Sequence[str]], Any]] = {
    "chatgpt": chatgpt,
    "claude": claude,
    "gemini": gemini,
    "grok": grok,
    "deepseek": deepseek,
    "ai-studio": ai_studio,
    "copilot": copilot,
    "le-chat": le_chat,
    "perplexity": perplexity,
    "github-copilot": github_copilot,
    "open-webui": open_webui,
    "librechat": librechat,
    "chatbot-ui": chatbot_ui,
}
"""By the name of the format."""


def csv_of(*rows: Sequence[str]) -> bytes:
    """A CSV file as Microsoft writes it."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_MINIMAL).writerows(rows)
    return text.getvalue().encode("utf-8-sig", "surrogatepass")


def data_of(sample: object) -> bytes:
    """The file of a sample."""
    return sample if isinstance(sample, bytes) else json.dumps(sample).encode()


def _by_turns(number: int, person: str, assistant: str) -> str:
    return assistant if number % 2 else person
