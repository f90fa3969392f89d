"""How imports fare, for all who watch them: one question a second to the database, whoever watches what."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import structlog

from shared.domain.errors import StoreError
from shared.store.watching import WatchedRun

LOOK_SECONDS = 1.0
"""Between looks at what is watched."""
SOON_SECONDS = 0.5
"""The least between two looks, where one asks for an import that nobody watches yet."""
PATIENCE_SECONDS = 10.0
"""How long a look may last: then the database counts as away, and is asked again."""
_ENDING = "the gateway is ending"

Look = Callable[[Sequence[UUID]], Awaitable[Sequence[WatchedRun]]]

log = structlog.get_logger(__name__)


class Watch:
    """One who watches an import. Holds its newest state alone, however slowly that is taken."""

    def __init__(self, watcher: Watcher, row: WatchedRun) -> None:
        self._watcher = watcher
        self.import_id = row.import_id
        self.user_id = row.user_id
        self.newest: WatchedRun | None = row
        """None: there is no such import any more, or nobody looks any more."""
        self._changed = asyncio.Event()
        self._changed.set()

    @property
    def away(self) -> bool:
        """Whether the database does not answer now."""
        return self._watcher.away

    async def changed(self, within: float) -> bool:
        """Whether the state is another than at the last call, or this one has left, within so many
        seconds. The first call is answered at once."""
        try:
            async with asyncio.timeout(within):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def tell(self, row: WatchedRun | None) -> None:
        """The state is this one now."""
        self.newest = row
        self._changed.set()


class Watcher:
    """Looks after what is watched. `run` is the one task that asks."""

    def __init__(
        self,
        look: Look,
        *,
        every: float = LOOK_SECONDS,
        soon: float = SOON_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._look = look
        self._every, self._soon, self._patience = every, soon, patience
        self._rows: dict[UUID, WatchedRun] = {}
        """The newest state of what is watched and has not ended."""
        self._watches: dict[UUID, set[Watch]] = {}
        self._asked: dict[UUID, asyncio.Future[WatchedRun | None]] = {}
        self._of_user: Counter[UUID] = Counter()
        self._work = asyncio.Event()
        """Set while anything is watched or asked for."""
        self._sooner = asyncio.Event()
        self._looked = -float("inf")
        self.away = False
        """Whether the last look failed."""
        self.closed = False
        self.looks = 0
        """How often the database was asked."""

    @property
    def count(self) -> int:
        """How many watch."""
        return self._of_user.total()

    def count_of(self, user_id: UUID) -> int:
        """How many watch imports of this user."""
        return self._of_user[user_id]

    async def find(self, import_id: UUID) -> WatchedRun | None:
        """How an import fares, not older than a second; None if there is none. Raises StoreError. Who asks
        for what nobody watches waits for the next look, with all others who do."""
        if (row := self._rows.get(import_id)) is not None and not self.away:
            return row
        if self.closed:
            raise StoreError(_ENDING)
        if (asked := self._asked.get(import_id)) is None:
            asked = self._asked[import_id] = asyncio.get_running_loop().create_future()
        self._work.set()
        self._sooner.set()
        return await asyncio.shield(asked)

    def watch(self, row: WatchedRun) -> Watch:
        """Begin to watch an import, as it was found. `leave` must follow."""
        watch = Watch(self, self._rows.get(row.import_id, row))
        self._of_user[row.user_id] += 1
        if row.ended or self.closed:
            return watch
        self._watches.setdefault(row.import_id, set()).add(watch)
        self._rows.setdefault(row.import_id, row)
        self._work.set()
        return watch

    def leave(self, watch: Watch) -> None:
        """This one watches no more."""
        self._of_user[watch.user_id] -= 1
        if not self._of_user[watch.user_id]:
            del self._of_user[watch.user_id]
        others = self._watches.get(watch.import_id, set())
        others.discard(watch)
        if not others:
            self._forget(watch.import_id)

    def _forget(self, import_id: UUID) -> None:
        self._watches.pop(import_id, None)
        self._rows.pop(import_id, None)

    async def run(self) -> None:
        """Look for as long as anybody watches, until cancelled: then all who watch are sent away."""
        self.closed = False
        try:
            while True:
                await self._work.wait()
                await self._wait_for_turn()
                await self._look_once()
                if not self._watches and not self._asked:
                    self._work.clear()
        finally:
            self.close()

    async def _wait_for_turn(self) -> None:
        loop = asyncio.get_running_loop()
        if (rest := self._looked + self._soon - loop.time()) > 0:
            await asyncio.sleep(rest)
        if not self._asked and (rest := self._looked + self._every - loop.time()) > 0:
            self._sooner.clear()
            try:
                async with asyncio.timeout(rest):
                    await self._sooner.wait()
            except TimeoutError:
                pass
        self._looked = loop.time()

    async def _look_once(self) -> None:
        asked, self._asked = self._asked, {}
        wanted = self._watches.keys() | asked.keys()
        if not wanted:  # who watched has left
            return
        self.looks += 1
        try:
            async with asyncio.timeout(self._patience):
                found = {row.import_id: row for row in await self._look(list(wanted))}
        except (StoreError, TimeoutError) as error:
            why = error if isinstance(error, StoreError) else StoreError("the database does not answer")
            if not self.away:
                log.warning("watched imports are not seen", reason=str(why), watched=len(self._watches))
            self.away = True
            for future in asked.values():
                _refuse(future, why)
            return
        except BaseException:
            self._asked = asked | self._asked  # for the next look, or for `close`
            raise
        if self.away:
            log.info("watched imports are seen again", watched=len(self._watches))
        self.away = False
        for import_id, future in asked.items():
            if not future.done():
                future.set_result(found.get(import_id))
        for import_id in list(self._watches):
            if import_id in wanted:
                self._tell(import_id, found.get(import_id))

    def _tell(self, import_id: UUID, row: WatchedRun | None) -> None:
        if row == self._rows.get(import_id):
            return
        watches = self._watches[import_id]
        if row is None or row.ended:
            self._forget(import_id)
        else:
            self._rows[import_id] = row
        for watch in watches:
            watch.tell(row)

    def close(self) -> None:
        """Send away all who watch, and who come."""
        self.closed = True
        for watches in self._watches.values():
            for watch in watches:
                watch.tell(None)
        self._watches.clear()
        self._rows.clear()
        for future in self._asked.values():
            _refuse(future, StoreError(_ENDING))
        self._asked.clear()


def _refuse(future: asyncio.Future[WatchedRun | None], why: StoreError) -> None:
    if not future.done():
        future.set_exception(why)
        future.exception()  # nobody may wait for it any more
