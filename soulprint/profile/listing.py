"""`soulprint profile list`: what is served of a user, and the versions that are kept."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from shared.domain.errors import NotFoundError
from shared.domain.ids import user_id_for
from shared.domain.plurals import counted
from shared.domain.runs import RunKind
from shared.settings import load_settings
from shared.store.open import opened_store
from shared.store.profiles import KeptVersion, Profile
from soulprint.blocks import block
from soulprint.naming import called, names_of, typed_name
from soulprint.terminal import say, say_json
from soulprint.wording import at

ELSEWHERE = "not of an import: it came from elsewhere"
SECTIONS = ("soul", "identity", "user", "agents", "tools")


def list_command(user: str, limit: int, *, as_json: bool) -> None:
    """Print what is served, and at most `limit` versions. Raises NotFoundError for a user without any."""
    asyncio.run(_list(user_id_for(user), typed_name(user), limit, as_json=as_json))


async def _list(user_id: UUID, typed: str, limit: int, *, as_json: bool) -> None:
    async with opened_store(load_settings(), connections=2) as store:
        profile = await store.read_profile(user_id)
        kept = await store.list_versions(user_id, limit + 1)
        name = typed or called(await names_of(store, [user_id]), user_id)
    more, kept = len(kept) > limit, kept[:limit]
    served = served_now(profile)
    if as_json:
        versions = [each.model_dump(mode="json") for each in kept]
        found = {"user_id": user_id, "served": served, "versions": versions, "more": more}
        say_json(found, indent=True)
        return
    if served is None and not kept:
        raise NotFoundError(
            f"nothing is served or kept of {name}; `soulprint users` lists whose memories there are"
        )
    lines: list[str] = [block(f"served of {name}: {_told_served(served)}")]
    lines += [_block(each) for each in kept] or ["no other version is kept"]
    lines += ["... more: --limit"] * more
    lines += [block("one of them is served by `soulprint profile restore USER VERSION`")] * bool(kept)
    say(*lines)


def served_now(profile: Profile | None) -> dict[str, Any] | None:
    """What is served, in figures; None: nothing."""
    if profile is None:
        return None
    sections = sum(getattr(profile, f"{name}_md") is not None for name in SECTIONS)
    characters = len(profile.memory_md or "")
    if not sections and not characters:
        return None
    return {
        "import_id": profile.import_id,
        "run": profile.run,
        "pipeline": profile.pipeline,
        "sections": sections,
        "memory_characters": characters,
    }


def _told_served(served: dict[str, Any] | None) -> str:
    if served is None:
        return "nothing"
    made = _made(served["sections"], served["memory_characters"])
    return f"{_whose(served['import_id'], served['run'], served['pipeline'])}; {made}"


def _whose(import_id: UUID | None, run: int | None, pipeline: str | None) -> str:
    return ELSEWHERE if import_id is None else f"{import_id} run {run}, {pipeline}"


def _made(sections: int, characters: int) -> str:
    memory = f"a memory of {counted(characters, 'character')}" if characters else "no memory"
    return f"{counted(sections, 'section')}, {memory}"


def _block(each: KeptVersion) -> str:
    kind = "" if each.kind is RunKind.PRIMARY else f" ({each.kind})"
    if each.replaced_at is not None:
        ended = f"served until {at(each.replaced_at)}"
    else:
        ended = "never served" + ("" if each.written_at is None else f", made {at(each.written_at)}")
    return block(
        f"version {each.version}{kind}: {ended}",
        f"{_whose(each.import_id, each.run, each.pipeline)}; {_made(each.sections, each.memory_characters)}",
    )
