"""Message Batches: kept in memory, ended after so many looks, answered in any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import orjson

from tests.support.fake_claude.faults import FakeFault
from tests.support.fake_claude.http import HttpResponse, json_response

DAY = timedelta(hours=24)
COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")
ITEM_ERROR = {
    "type": "errored",
    "error": {"type": "error", "error": {"type": "api_error", "message": "Internal server error"}},
}


@dataclass(slots=True)
class _Batch:
    id: str
    requests: list[dict[str, Any]]
    looks: int = 0
    """How often its state was asked for while it ran."""
    results: bytes = b""
    counts: dict[str, int] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Batches:
    """All batches. `answer(params)` gives a message, a fault of the item, or both halves of neither."""

    def __init__(
        self, answer: Callable[[dict[str, Any]], dict[str, Any] | FakeFault], *, looks: int, seed: int
    ) -> None:
        self.looks = looks
        """A batch has ended when it was looked at so often."""
        self.expire = False
        """From now on batches end with nothing done."""
        self._answer = answer
        self._rng = Random(seed)
        self._batches: dict[str, _Batch] = {}

    @property
    def looked_at(self) -> int:
        """How often any batch was looked at while it ran."""
        return sum(batch.looks for batch in self._batches.values())

    @property
    def requests(self) -> int:
        """Requests of all batches."""
        return sum(len(batch.requests) for batch in self._batches.values())

    def create(self, body: dict[str, Any], base: str) -> HttpResponse:
        """POST /v1/messages/batches"""
        ids = [request["custom_id"] for request in body["requests"]]
        if not ids or len(set(ids)) < len(ids) or any(not _fit(each) for each in ids):
            message = {"type": "invalid_request_error", "message": "custom_id"}
            return json_response({"type": "error", "error": message}, 400)
        batch = _Batch(f"msgbatch_{len(self._batches):06d}", body["requests"])
        self._batches[batch.id] = batch
        return json_response(self._told(batch, base))

    def retrieve(self, batch_id: str, base: str) -> HttpResponse:
        """GET /v1/messages/batches/{id}"""
        batch = self._batches.get(batch_id)
        if batch is None:
            message = {"type": "not_found_error", "message": "batch"}
            return json_response({"type": "error", "error": message}, 404)
        batch.looks += 1
        if batch.looks >= self.looks and not batch.counts:
            self._end(batch)
        return json_response(self._told(batch, base))

    def results(self, batch_id: str) -> HttpResponse:
        """GET /v1/messages/batches/{id}/results"""
        return HttpResponse(200, self._batches[batch_id].results, "application/x-jsonl")

    def listed(self, base: str) -> HttpResponse:
        """GET /v1/messages/batches, the newest first."""
        data = [self._told(batch, base) for batch in reversed(self._batches.values())]
        return json_response({"data": data, "has_more": False, "first_id": None, "last_id": None})

    def _end(self, batch: _Batch) -> None:
        counts = dict.fromkeys(COUNTS, 0)
        lines = []
        for request in batch.requests:
            answer = FakeFault.EXPIRED if self.expire else self._answer(request["params"])
            if isinstance(answer, dict):
                result: dict[str, Any] = {"type": "succeeded", "message": answer}
            elif answer in (FakeFault.EXPIRED, FakeFault.CANCELED):
                result = {"type": str(answer)}
            else:
                result = ITEM_ERROR
            counts[result["type"]] += 1
            lines.append(orjson.dumps({"custom_id": request["custom_id"], "result": result}))
        self._rng.shuffle(lines)
        batch.results = b"\n".join(lines) + b"\n"
        batch.counts = counts

    def _told(self, batch: _Batch, base: str) -> dict[str, Any]:
        running = {**dict.fromkeys(COUNTS, 0), "processing": len(batch.requests)}
        ended = bool(batch.counts)
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": batch.counts or running,
            "created_at": batch.created_at.isoformat(),
            "expires_at": (batch.created_at + DAY).isoformat(),
            "ended_at": datetime.now(UTC).isoformat() if ended else None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"{base}/v1/messages/batches/{batch.id}/results" if ended else None,
        }


def _fit(custom_id: str) -> bool:
    return 0 < len(custom_id) <= 64 and custom_id.replace("_", "").replace("-", "").isalnum()
