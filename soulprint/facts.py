"""Settled facts as commands show them: current and superseded, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import orjson

from shared.domain.facts import FactStatus
from shared.domain.printable import escaped
from shared.domain.runs import RunKey
from shared.store.facts import StoredFact
from shared.store.store import Store

LISTED = (FactStatus.CURRENT, FactStatus.SUPERSEDED)
PAGE = 1000


async def listed_facts(
    store: Store, user_id: UUID, of_run: RunKey | None = None
) -> AsyncIterator[StoredFact]:
    """Every listed fact of the run that the profile serves, or of `of_run`, a page in memory at a time."""
    after = None
    while page := await store.list_facts(user_id, after, PAGE, of_run=of_run, status=LISTED):
        for fact in page:
            yield fact
        after = page[-1].key


def as_json(fact: StoredFact) -> dict[str, Any]:
    """A fact without what only the store needs, as facts.jsonl and `--json` have it."""
    return fact.model_dump(mode="json", exclude={"matter", "chunk_index", "merged_into"})


def json_line(fact: StoredFact) -> bytes:
    """A fact as a line of JSON, without its end; nothing in it ends a line, or commands a terminal that is
    shown the file."""
    return escaped(orjson.dumps(as_json(fact)).decode()).encode()
