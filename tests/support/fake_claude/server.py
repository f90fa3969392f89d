"""The stand-in itself: the API's endpoints, and those that tell and steer it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import orjson

from shared.domain.text import estimate_tokens
from tests.support.fake_claude.accounts import Accounts
from tests.support.fake_claude.batches import Batches
from tests.support.fake_claude.faults import FakeFault, FaultPlan
from tests.support.fake_claude.http import (
    DropConnection,
    HttpRequest,
    HttpResponse,
    HttpServer,
    json_response,
)
from tests.support.fake_claude.reading import all_text
from tests.support.fake_claude.replies import good_reply, properties_of, spoilt

MODELS = ("claude-haiku-5-5", "claude-haiku-4-5", "claude-sonnet-5-5")
HTML = b"<!doctype html><html><body><h1>It works!</h1></body></html>"
ALLOWED = {
    "max_tokens", "messages", "model", "cache_control", "metadata", "output_config", "service_tier",
    "stop_sequences", "stream", "system", "thinking", "tool_choice", "tools",
}  # fmt: skip
"""Parameters of current models; temperature, top_p and top_k are refused."""
_ERRORS = {
    FakeFault.RATE_LIMIT: (429, "rate_limit_error", "Number of requests has exceeded your rate limit"),
    FakeFault.OVERLOADED: (529, "overloaded_error", "Overloaded"),
    FakeFault.SERVER_ERROR: (500, "api_error", "Internal server error"),
    FakeFault.BAD_REQUEST: (400, "invalid_request_error", "messages: something in here is not allowed"),
    FakeFault.TOO_LONG: (400, "invalid_request_error", "prompt is too long: 1200000 tokens > 1000000"),
    FakeFault.UNAUTHORIZED: (401, "authentication_error", "invalid x-api-key"),
    FakeFault.FORBIDDEN: (403, "permission_error", "Your API key does not have permission"),
    FakeFault.NO_CREDIT: (
        400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.",
    ),
    FakeFault.SPEND_LIMIT: (429, "rate_limit_error", "You have reached your specified API usage limits."),
    FakeFault.UNKNOWN_MODEL: (404, "not_found_error", "model: claude-nothing"),
}  # fmt: skip


class FakeClaude:
    """The stand-in, in this process. A call takes `latency` seconds, up to `jitter` of it more or less."""

    def __init__(
        self,
        *,
        chances: Mapping[str, float] | None = None,
        seed: int = 0,
        latency: float = 0.0,
        jitter: float = 0.0,
        retry_after: float = 0.05,
        batch_looks: int = 2,
        api_key: str = "test-key",
    ) -> None:
        self.faults = FaultPlan(chances, seed)
        self.accounts = Accounts()
        self.latency = latency
        self.jitter = jitter
        self.retry_after = retry_after
        self.api_key = api_key
        self.longest_prompt: int | None = None
        """Tokens above which a prompt is too long."""
        self.most_max_tokens: int | None = None
        """The largest `max_tokens` that the model takes."""
        self.told_to_wait = {FakeFault.RATE_LIMIT}
        """Errors that come with a `retry-after`."""
        self.error_latency = 0.0
        """Seconds until an error is answered."""
        self.only_extracts = False
        """While set, the key is good for nothing but extraction."""
        self.refused_while: str | None = None
        """While set, a call whose prompt holds this text gets a 400."""
        self.dead_while: str | None = None
        """While set, a call whose prompt holds this text gets a 500: a record that is poison by itself."""
        self.answers: Callable[[dict[str, Any], FakeFault | None], tuple[str, list[str]]] = good_reply
        """The model: what it says to a request, and the planted facts that it offers."""
        self.batches = Batches(self._batch_item, looks=batch_looks, seed=seed)
        self._rng = Random(seed)
        self._server = HttpServer(self._handle)

    @property
    def url(self) -> str:
        """What ANTHROPIC_BASE_URL should be."""
        return f"http://127.0.0.1:{self._server.port}"

    async def start(self, port: int = 0) -> None:
        """Listen on `port`, or on any free one."""
        await self._server.start(port)

    async def stop(self) -> None:
        """Go down: connections are refused. `start(port)` brings it back."""
        await self._server.stop()

    @property
    def port(self) -> int:
        """Where it listens, or last did."""
        return self._server.port

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        path = request.path.split("?", 1)[0]
        if path == "/served":
            return json_response(self.told())
        if path == "/steer" and request.method == "POST":
            self._steer(orjson.loads(request.body))
            return json_response({})
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.api_key not in (bearer, request.headers.get("x-api-key")):
            return self._error(FakeFault.UNAUTHORIZED)
        if path == "/v1/messages" and request.method == "POST":
            return await self._message(orjson.loads(request.body))
        if path == "/v1/messages/count_tokens" and request.method == "POST":
            return json_response({"input_tokens": estimate_tokens(all_text(orjson.loads(request.body)))})
        if path.startswith("/v1/messages/batches"):
            return self._batch(request, path)
        return json_response({"type": "error", "error": {"type": "not_found_error", "message": path}}, 404)

    def told(self) -> dict[str, Any]:
        """What GET /served answers."""
        accounts = self.accounts
        names = ("calls", "input_tokens", "output_tokens", "cache_read_input_tokens",
                 "cache_creation_input_tokens")  # fmt: skip
        return {
            **{name: accounts.served[name] for name in names},
            "batch": {name: accounts.served[f"batch_{name}"] for name in names},
            "requests": accounts.requests,
            "most_in_flight": accounts.most_in_flight,
            "prompt_characters": sum(accounts.prompts),
            "faults": {str(fault): count for fault, count in self.faults.happened.items()},
            "offered": sorted(accounts.offered),
        }

    def _steer(self, orders: dict[str, Any]) -> None:
        """POST /steer: {chances?, script?, latency?}"""
        if "chances" in orders:
            self.faults.chances = {FakeFault(name): chance for name, chance in orders["chances"].items()}
        self.faults.script(orders.get("script", ()))
        self.latency = orders.get("latency", self.latency)

    async def _message(self, params: dict[str, Any]) -> HttpResponse:
        self.accounts.begin(params)
        try:
            return await self._answered(params)
        finally:
            self.accounts.end()

    async def _answered(self, params: dict[str, Any]) -> HttpResponse:
        loop = asyncio.get_running_loop()
        due = loop.time() + self.latency * (1 + self._rng.uniform(-self.jitter, self.jitter))
        fault = self._refusal_of(params) or self.faults.draw()
        if fault is FakeFault.DROP:
            raise DropConnection
        if fault is FakeFault.HANG:
            await asyncio.Event().wait()
        if fault in _ERRORS:
            await asyncio.sleep(self.error_latency)
            return self._error(fault)
        message, markers = self._built(params, fault)
        await asyncio.sleep(due - loop.time())
        if fault is FakeFault.HTML:
            return HttpResponse(200, HTML, "text/html; charset=utf-8")
        usage = message["usage"]
        return json_response(
            message,
            headers={"request-id": message["id"]},
            cut_at=60 if fault is FakeFault.CUT else None,
            delivered=lambda: self.accounts.deliver(usage, markers),
        )

    def _refusal_of(self, params: dict[str, Any]) -> FakeFault | None:
        """What is wrong with the request itself."""
        if set(params) - ALLOWED:
            return FakeFault.BAD_REQUEST
        if self.only_extracts and "facts" not in properties_of(params):
            return FakeFault.UNAUTHORIZED
        if self.most_max_tokens is not None and params["max_tokens"] > self.most_max_tokens:
            return FakeFault.BAD_REQUEST
        if params["model"] not in MODELS:
            return FakeFault.UNKNOWN_MODEL
        text = all_text(params)
        if self.longest_prompt is not None and estimate_tokens(text) > self.longest_prompt:
            return FakeFault.TOO_LONG
        if self.refused_while is not None and self.refused_while in text:
            return FakeFault.BAD_REQUEST
        if self.dead_while is not None and self.dead_while in text:
            return FakeFault.SERVER_ERROR
        return None

    def _built(self, params: dict[str, Any], fault: FakeFault | None) -> tuple[dict[str, Any], list[str]]:
        """A message as the API sends it, and the markers it offers."""
        text, markers = self.answers(params, fault)
        text = spoilt(text, fault)
        stop = {FakeFault.REFUSAL: "refusal", FakeFault.MAX_TOKENS: "max_tokens"}.get(fault, "end_turn")
        if estimate_tokens(text) > params["max_tokens"]:
            text, stop = text[: params["max_tokens"] * 4], "max_tokens"
        if fault is FakeFault.REFUSAL:
            text = ""
        if stop != "end_turn" or fault in (FakeFault.TRUNCATED_JSON, FakeFault.BROKEN_SCHEMA):
            markers = []
        content: list[dict[str, Any]] = [{"type": "text", "text": text, "citations": None}] if text else []
        thinking = fault is FakeFault.THINKING
        if thinking:
            content.insert(0, {"type": "redacted_thinking", "data": "xyz"})
            content.insert(0, {"type": "thinking", "thinking": '{"facts": []}', "signature": "s"})
        return {
            "id": f"msg_{self.accounts.requests:08d}",
            "type": "message",
            "role": "assistant",
            "model": params["model"],
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": self.accounts.usage(params, text, thinking=thinking),
        }, markers

    def _error(self, fault: FakeFault) -> HttpResponse:
        status, kind, message = _ERRORS[fault]
        error: dict[str, Any] = {"type": kind, "message": message}
        if fault is FakeFault.SPEND_LIMIT:
            error["details"] = {"error_code": "enforced_spend_limit_reached"}
        headers = {"retry-after": str(self.retry_after)} if fault in self.told_to_wait else {}
        return json_response({"type": "error", "error": error}, status, headers=headers)

    def _batch(self, request: HttpRequest, path: str) -> HttpResponse:
        parts = path.strip("/").split("/")
        if len(parts) == 3 and request.method == "POST":
            fault = self.faults.draw()
            if fault is FakeFault.DROP:
                raise DropConnection
            if fault in _ERRORS:
                return self._error(fault)
            created = self.batches.create(orjson.loads(request.body), self.url)
            return replace(created, cut_at=20) if fault is FakeFault.CUT else created
        if len(parts) == 3:
            return self.batches.listed(self.url)
        return (
            self.batches.results(parts[3]) if len(parts) == 5 else self.batches.retrieve(parts[3], self.url)
        )

    def _batch_item(self, params: dict[str, Any]) -> dict[str, Any] | FakeFault:
        fault = self._refusal_of(params) or self.faults.draw(batch=True)
        if fault in _ERRORS or fault in (FakeFault.DROP, FakeFault.HANG, FakeFault.HTML, FakeFault.CUT):
            return FakeFault.ERRORED
        if fault in (FakeFault.ERRORED, FakeFault.EXPIRED, FakeFault.CANCELED):
            return fault
        message, markers = self._built(params, fault)
        self.accounts.deliver(message["usage"], markers, batch=True)
        return message
