"""Makes a Kafka client wait between failed looks at the cluster.

While a partition has no leader (a graceful stop of its broker), aiokafka's sender and its fetcher ask for new
metadata in a loop, and a refused connection answers at once: a core burns and thousands of log lines are
written each second until the broker is back. `retry_backoff_ms` does not reach that loop, and paused
partitions are in it too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

_BACKOFF = 1.0
"""Seconds after a look that failed."""
_LEADERLESS = 0.2
"""Seconds after a look that still found a partition without a leader."""


def make_patient(client: Any) -> None:
    """Slow down an AIOKafkaClient where it would spin. A second call changes nothing."""
    if hasattr(client, "_soulprint_patient"):
        return
    look = client._metadata_update

    async def patiently(cluster: Any, topics: Collection[str] | None) -> bool:
        found = bool(await look(cluster, topics))
        if not found:
            await asyncio.sleep(_BACKOFF)
        elif any(
            cluster.partitions_for_topic(t) != cluster.available_partitions_for_topic(t) for t in topics or ()
        ):
            await asyncio.sleep(_LEADERLESS)
        return found

    client._metadata_update = patiently
    client._soulprint_patient = True
