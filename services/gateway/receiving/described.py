"""What the OpenAPI document says of an export that is sent: the operation is that of JSON which names one."""

from __future__ import annotations

from typing import Any, Final

_FILE = {"schema": {"type": "string", "format": "binary"}}
_USER = {"type": "string", "format": "uuid"}
_SAID: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "user_id": (_USER, "Whose export it is; none: the person's whose token it is."),
    "pipeline": (
        {"type": "string", "pattern": "^v[1-9][0-9]*$"},
        "The pipeline to take; none: as imports are routed.",
    ),
    "lineage": ({"type": "string", "maxLength": 64}, "The account that it is of, as the person names it."),
    "replace": ({"type": "boolean"}, "Whether its memory is to be served even if it holds much less."),
}
_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {name: schema | {"description": told} for name, (schema, told) in _SAID.items()}
    | {"file": {"type": "string", "format": "binary"}},
}
_NAMED = {"name": ({"type": "string"}, "The file's name. JSON without one says where an export lies.")}

UPLOADING: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": schema,
            "description": f"Of an export that is sent: {told[0].lower()}{told[1:]}",
        }
        for name, (schema, told) in (_SAID | _NAMED).items()
    ],
    "requestBody": {
        "content": {
            "application/zip": _FILE,
            "application/gzip": _FILE,
            "application/octet-stream": _FILE,
            "multipart/form-data": {"schema": _FORM},
        }
    },
}
"""Beside what the route says of JSON."""
