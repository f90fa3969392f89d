"""Answers as docs and OpenAPI show them."""

from __future__ import annotations

from typing import Any, Final

_ANNA = "5e0f1a52-6b7c-4f7e-9d55-8a2f6c1b7e42"
_IMPORT = "0b5f3a0c-3c1e-5d4e-8f2a-6a1d2c3b4e5f"
_TOLD: dict[str, Any] = {
    "import_id": _IMPORT,
    "run": 1,
    "user_id": _ANNA,
    "pipeline": "v2",
    "kind": "primary",
    "parent_id": None,
    "name": "1732600000000-export.zip",
    "state": "extracting",
    "unserved": None,
    "stage": "extracting",
    "percent": 45.0,
    "chunks": {"ok": 120, "dead": 0, "total": 240},
    "coverage": None,
    "breaks": 0,
    "usage": None,
    "error": None,
    "requested_at": "2026-11-26T04:00:00Z",
    "begun_at": "2026-11-26T04:00:01Z",
    "finished_at": None,
    "updated_at": "2026-11-26T04:03:20.123456Z",
}

RUN: Final[dict[str, Any]] = _TOLD | {
    "quick": {"import_id": "7d1c6a2e-94f3-5b08-9c55-2f6f0a0d8b11", "run": 1, "state": "complete"},
    "fallback": None,
}
RUNS: Final[dict[str, Any]] = {"imports": [_TOLD], "next": f"{_IMPORT}.1"}
SERVED: Final[dict[str, Any]] = {
    "user_id": _ANNA,
    "import_id": _IMPORT,
    "run": 1,
    "pipeline": "v2",
    "kind": "primary",
    "coverage": 1.0,
    "memory_import_id": _IMPORT,
    "memory_run": 1,
    "lineages": ["chatgpt-5f0c1b"],
    "format": "markdown",
    "full_pass_status": "complete",
    "served_at": "2026-11-26T04:06:00Z",
    "sections": {
        "soul": "# Soul\n\n## How they write\n\n- Brief and dry",
        "identity": "",
        "user": "# User\n\n- Lives in Porto",
        "agents": "",
        "tools": "",
    },
    "memory_md": "# Memory\n\n- The person lives in Porto.",
}
FACTS: Final[dict[str, Any]] = {
    "facts": [
        {
            "id": "c2a8b0a4-30f6-5f0b-8c0e-7b1f0d0b6a55",
            "category": "beliefs",
            "statement": "The person lives in Porto.",
            "quote": "I live in Porto now",
            "message_ids": ["m-17"],
            "conversation_id": "c-4",
            "conversation_title": "Moving house",
            "account": {"vendor": "chatgpt", "lineage": "chatgpt-5f0c1b"},
            "lineages": ["chatgpt-5f0c1b"],
            "stated_at": "2023-05-01T09:30:00Z",
            "valid_from": None,
            "valid_until": None,
            "confidence": 0.9,
            "source_kind": "conversation",
            "status": "current",
            "support": 2,
            "superseded_by": None,
        }
    ],
    "next": None,
}
EVENTS: Final = (
    "retry: 3000\n\n"
    "event: progress\nid: 1764129800123456\n"
    f'data: {{"import_id":"{_IMPORT}","run":1,"kind":"primary","state":"extracting","stage":"extracting",'
    '"percent":45.0,"chunks":{"ok":120,"dead":0,"total":240},"coverage":null}\n\n'
)
HEALTH: Final[dict[str, Any]] = {
    "status": "healthy",
    "service": "soulprint-rlm",
    "processors_available": True,
    "timestamp": "2026-11-26T04:06:00+00:00",
    "checks": {"stages": "ok", "database": "ok", "log": "ok", "v1": "none"},
}
