"""Builds `export.zip`, the sample export, from the readable sources: `python -m examples.build`.

The same sources give the same export, whenever and wherever it is built: ids are uuid5, times come from the
sources, members are written in one order with one fixed date.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from examples.chatgpt import PERSON, conversation_record
from examples.source import HERE, Script, read_conversations, read_instructions

EXPORT = HERE / "export.zip"
_ZIP_DATE = (2026, 2, 8, 12, 0, 0)
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
_LIKED = ("04-octopus-cake", "36-the-sardine", "59-the-clock-on-the-wall")
_CHAT_HTML = """<!DOCTYPE html>
<html>
<head><meta charset="utf-8"><title>ChatGPT Data Export</title></head>
<body><div id="root"></div><script>var jsonData = [];</script></body>
</html>
"""


def members() -> dict[str, bytes]:
    """What the archive holds: name to content, in the order in which it is written."""
    scripts = read_conversations()
    states = read_instructions()
    records = [conversation_record(script, states) for script in scripts]
    records.sort(key=lambda record: record["update_time"], reverse=True)
    result = {
        "user.json": _json(PERSON),
        "conversations.json": _json(records),
        "message_feedback.json": _json([_thumbs_up(s) for s in scripts if s.slug in _LIKED]),
        "shared_conversations.json": _json([]),
        "chat.html": _CHAT_HTML.encode(),
    }
    for name in sorted(_pictures(records)):
        result[name] = _PIXEL
    return result


def build(target: Path = EXPORT) -> None:
    """Write the archive to `target`."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members().items():
            entry = zipfile.ZipInfo(name, _ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)


def _thumbs_up(script: Script) -> dict[str, Any]:
    return {
        "id": str(uuid5(NAMESPACE_URL, f"feedback/{script.slug}")),
        "conversation_id": str(uuid5(NAMESPACE_URL, f"conversation/{script.slug}")),
        "user_id": PERSON["id"],
        "rating": "thumbs_up",
        "content": "{}",
        "create_time": script.start.isoformat(),
    }


def _pictures(records: list[dict[str, Any]]) -> set[str]:
    names = set()
    for record in records:
        for node in record["mapping"].values():
            for part in ((node["message"] or {}).get("content") or {}).get("parts", []):
                if isinstance(part, dict):
                    names.add(f"{part['asset_pointer'].removeprefix('file-service://')}-picture.png")
    return names


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


if __name__ == "__main__":
    build()
    digest = hashlib.sha256(EXPORT.read_bytes()).hexdigest()
    print(f"{EXPORT} {EXPORT.stat().st_size} bytes sha256 {digest}")
