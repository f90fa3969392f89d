"""The door: every request passes it before its body is read, and before anything notes where it went."""

from __future__ import annotations

from services.gateway.access.access import PATH_KEY, Access, Scope
from services.gateway.access.paths import NOBODYS, is_public, keyed
from services.gateway.access.refusals import no_such_route, not_accepted
from services.gateway.body_rules import App, Receive, Send
from services.gateway.problems import Problem, answer


class Door:
    """ASGI middleware. Takes the key out of a path, and lets nobody in who is not known: a route is closed
    unless `paths.PUBLIC` names it.

    It changes the request's own scope, so that whatever stands outside of it, too, finds no key there when
    the answer is written.
    """

    def __init__(self, app: App, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                await self._let_in(scope)
            except Problem as problem:
                await answer(problem, scope["path"])(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _let_in(self, scope: Scope) -> None:
        raw = scope.get("raw_path") or scope["path"].encode()
        found = keyed(scope["path"], raw.decode("latin-1"))
        if found is None and any(map(self._access.keys.hold, scope["path"].split("/"))):
            found = NOBODYS  # a base address that is not ours, or not as it should be
        if found is not None:
            scope["path"], scope["raw_path"] = found.path, found.raw.encode("latin-1")
            if found.key is None:
                raise no_such_route()
            if not self._access.keys.hold(found.key):
                raise not_accepted("the key in the path is not accepted")
            scope[PATH_KEY] = True
        if not is_public(scope["method"], scope["path"]):
            await self._access.identify(scope)
