"""What aiokafka 0.14 needs around it while Kafka is away: a client that waits, and a log within reason.

While a partition has no leader (a graceful stop of its broker), aiokafka's sender and its fetcher ask for new
metadata in a loop, and a refused connection answers at once: a core burns and thousands of log lines are
written each second until the broker is back. A topic that is deleted has them ask in the same loop.
`retry_backoff_ms` does not reach that loop, and paused partitions are in it too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from aiokafka.consumer.fetcher import FetchError
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

_BACKOFF = 1.0
"""Seconds after a look that failed."""
_LEADERLESS = 0.2
"""Seconds after a look that still found a partition without a leader, or a topic gone."""


def make_patient(client: Any) -> None:
    """Slow down an AIOKafkaClient where it would spin. A second call changes nothing."""
    if hasattr(client, "_soulprint_unknown"):
        return
    look = client._metadata_update
    unknown: dict[str, float] = {}

    async def patiently(cluster: Any, topics: Collection[str] | None) -> bool:
        found = bool(await look(cluster, topics))
        if not found:
            _hang_up(client)
            await asyncio.sleep(_BACKOFF)
            return False
        now = time.monotonic()
        gone = {t: unknown.get(t, now) for t in topics or () if not cluster.partitions_for_topic(t)}
        unknown.clear()
        unknown.update(gone)
        if not all(_led(cluster, topic) for topic in topics or ()):
            await asyncio.sleep(_LEADERLESS)
            # A consumer left without partitions asks nothing more: it would see a topic that is made again
            # only when its metadata is too old, after minutes.
            asyncio.get_running_loop().call_later(_BACKOFF, _look_again, client)
        return True

    client._metadata_update = patiently
    client._soulprint_unknown = unknown


class TopicGoneError(KafkaError):  # type: ignore[misc]  # aiokafka is untyped
    """A commit was for a topic, or a partition, that does not exist."""


class NotCommittedError(KafkaError):  # type: ignore[misc]  # aiokafka is untyped
    """A commit failed, for a reason that may pass. Kafka may have it all the same."""


def commit_once(coordinator: Any) -> None:
    """Have a GroupCoordinator make a commit once, and fail with TopicGoneError where its topic is gone, with
    NotCommittedError where it would try again. Unmended it repeats a commit until it is taken, whoever waits:
    by the next topic of that name, whose first records are then passed over; or after a later commit, which
    it undoes. A second call changes nothing."""
    if hasattr(coordinator, "_soulprint_commits"):
        return
    commit = coordinator._do_commit_offsets

    async def once(*arguments: Any) -> None:
        try:
            await commit(*arguments)
        except UnknownTopicOrPartitionError:
            raise TopicGoneError from None
        except KafkaError as error:
            if error.retriable:
                raise NotCommittedError(type(error).__name__) from error
            raise

    coordinator._do_commit_offsets = once
    coordinator._soulprint_commits = True


def join_again(consumer: Any) -> None:
    """After a poll that failed: have an AIOKafkaConsumer join its group again if its heartbeat ended by an
    error, such as a right that was taken from it. Unmended it sends none any more, and answers each poll with
    that error, until it is closed."""
    heartbeat = consumer._coordinator._heartbeat_task
    if heartbeat is not None and heartbeat.done() and not heartbeat.cancelled() and heartbeat.exception():
        consumer._coordinator.request_rejoin()


def forget_errors(consumer: Any) -> None:
    """Before the poll after that: have an AIOKafkaConsumer try again what it could not do then. Unmended it
    tells of each partition that it could not fetch, and of a group that it could not join, in a poll of its
    own, with a rest after each, before it tries that again: for minutes after there is no more reason."""
    fetcher = consumer._fetcher
    for partition in [tp for tp, found in fetcher._records.items() if isinstance(found, FetchError)]:
        del fetcher._records[partition]
    fetcher._notify(fetcher._wait_consume_future)
    with suppress(KafkaError):
        consumer._coordinator.check_errors()


def topics_unknown_for(client: Any, topics: Collection[str], seconds: float) -> list[str]:
    """Those of `topics` that this patient client asked for and Kafka, whenever it answered, has not known for
    longer than `seconds`."""
    since: Mapping[str, float] = client._soulprint_unknown
    now = time.monotonic()
    return [topic for topic in topics if topic in since and now - since[topic] > seconds]


def _hang_up(client: Any) -> None:
    """No node answered: their connections may be dead, and aiokafka would ask over the same ones for ever."""
    for connection in list(client._conns.values()):
        connection.close()


class _ClosesWhatComes(dict[Any, Any]):
    """Connections of a client that was closed."""

    def __setitem__(self, key: Any, connection: Any) -> None:
        connection.close()
        super().__setitem__(key, connection)


def close_what_comes(client: Any) -> None:
    """After an AIOKafkaClient was closed: close what a task of it, still at connecting, opens yet."""
    client._conns = _ClosesWhatComes()


async def abandon(consumer: Any) -> None:
    """End an AIOKafkaConsumer whose `stop` was cancelled, since Kafka does not answer it."""
    coordinator, fetcher = consumer._coordinator, consumer._fetcher
    tasks = [
        coordinator._coordination_task,
        coordinator._heartbeat_task,
        coordinator._commit_refresh_task,
        fetcher._fetch_task,
        *fetcher._pending_tasks,
    ]
    await _end([task for task in tasks if task is not None])
    await consumer._client.close()
    close_what_comes(consumer._client)


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # nobody else asks for it


def _look_again(client: Any) -> None:
    if client._sync_task is not None:  # not closed meanwhile
        client.force_metadata_update()


def _led(cluster: Any, topic: str) -> bool:
    """Whether the topic exists and every partition of it has a leader."""
    known = cluster.partitions_for_topic(topic)
    return bool(known) and known == cluster.available_partitions_for_topic(topic)


_ORDINARY = (
    "Marking the coordinator dead",
    "Group Coordinator Request failed",
    "Error sending %s to node %s [%s] -- marking coordinator dead",
    "Failed fetch offsets from",
    "Heartbeat failed for group",
    "Topic %s is not available during auto-create",
)
"""How the lines begin that aiokafka writes when a group begins, moves or looks for its coordinator."""


class Calm(logging.Filter):
    """Gives lines the weight that they have for ops: the client tries all this again by itself, and where it
    lasts, our own lines, /readyz and the metrics say so. An exception stays an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            return True
        if record.msg.startswith(_ORDINARY):
            record.levelno, record.levelname = logging.INFO, "INFO"
        elif record.levelno > logging.WARNING:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return logging.getLogger(record.name).isEnabledFor(record.levelno)


class RateLimit(logging.Filter):
    """Lets `per_second` records a second through and says once how many it held back."""

    def __init__(self, per_second: int = 5) -> None:
        super().__init__()
        self._per_second = per_second
        self._second = 0
        self._seen = 0
        self._held_back = 0

    def filter(self, record: logging.LogRecord) -> bool:
        second = int(time.time())
        if second != self._second:
            if self._held_back:
                record.held_back = self._held_back
            self._second, self._seen, self._held_back = second, 0, 0
        self._seen += 1
        if self._seen > self._per_second:
            self._held_back += 1
            return False
        return True


def quieten(logger: str = "aiokafka", per_second: int = 5) -> None:
    """Limit a library's loggers together, whatever handlers there are. A second call changes nothing."""
    root = logging.getLogger(logger)
    limit = next((f for f in root.filters if isinstance(f, RateLimit)), None)
    if limit is not None:
        return
    limit, calm = RateLimit(per_second), Calm()
    _add(root, calm, limit)
    for name, child in logging.Logger.manager.loggerDict.items():
        # A filter of a logger does not see what its children log.
        if name.startswith(f"{logger}.") and isinstance(child, logging.Logger):
            _add(child, calm, limit)


def _add(logger: logging.Logger, *filters: logging.Filter) -> None:
    for each in filters:
        logger.addFilter(each)
