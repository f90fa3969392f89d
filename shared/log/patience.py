"""Makes a Kafka client wait between failed looks at the cluster.

While a partition has no leader (a graceful stop of its broker), aiokafka's sender and its fetcher ask for new
metadata in a loop, and a refused connection answers at once: a core burns and thousands of log lines are
written each second until the broker is back. A topic that is deleted has them ask in the same loop.
`retry_backoff_ms` does not reach that loop, and paused partitions are in it too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

_BACKOFF = 1.0
"""Seconds after a look that failed."""
_LEADERLESS = 0.2
"""Seconds after a look that still found a partition without a leader, or a topic gone."""


def make_patient(client: Any) -> None:
    """Slow down an AIOKafkaClient where it would spin. A second call changes nothing."""
    if hasattr(client, "_soulprint_patient"):
        return
    look = client._metadata_update

    async def patiently(cluster: Any, topics: Collection[str] | None) -> bool:
        found = bool(await look(cluster, topics))
        if not found:
            await asyncio.sleep(_BACKOFF)
        elif not all(_led(cluster, topic) for topic in topics or ()):
            await asyncio.sleep(_LEADERLESS)
            # A consumer left without partitions asks nothing more: it would see a topic that is made again
            # only when its metadata is too old, after minutes.
            asyncio.get_running_loop().call_later(_BACKOFF, _look_again, client)
        return found

    client._metadata_update = patiently
    client._soulprint_patient = True


def _look_again(client: Any) -> None:
    if client._sync_task is not None:  # not closed meanwhile
        client.force_metadata_update()


def _led(cluster: Any, topic: str) -> bool:
    """Whether the topic exists and every partition of it has a leader."""
    known = cluster.partitions_for_topic(topic)
    return bool(known) and known == cluster.available_partitions_for_topic(topic)
