"""SoulPrint: a chat export in, a sourced memory out.

    report = await soulprint.run_export("export.zip", user="me", out="soulprint-out")
    async with soulprint.open_memory(user="me") as memory:
        print(memory.sections.user)
        found = await memory.search("coffee")
        origin = await memory.why(found.facts[0])

`from soulprint import sync` has the same for scripts without asyncio. Every error is a `SoulprintError`.
Settings are those of the commands (docs/settings.md), from the environment or by keyword: `model="claude"`.
What `__all__` does not name may change with any version.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "BusyError",
    "Category",
    "CostLimitError",
    "FactStatus",
    "Found",
    "FoundPassage",
    "Memory",
    "MigrationError",
    "ModelUnavailableError",
    "NotFoundError",
    "Origin",
    "Report",
    "Sections",
    "SoulprintError",
    "StoreError",
    "StoredFact",
    "UnreadableExportError",
    "UsageError",
    "__version__",
    "open_memory",
    "run_export",
]

if TYPE_CHECKING:
    from shared.domain.errors import (
        BusyError,
        CostLimitError,
        MigrationError,
        ModelUnavailableError,
        NotFoundError,
        SoulprintError,
        StoreError,
        UnreadableExportError,
        UsageError,
    )
    from shared.domain.facts import Category, FactStatus
    from shared.store.chunks import FoundPassage
    from shared.store.facts import StoredFact
    from soulprint.api import Report, run_export
    from soulprint.memory import Found, Memory, Origin, Sections, open_memory
else:
    # Imported when first asked for: `soulprint --help` and a shell that completes need none of it.
    _ROOMS = {
        "soulprint.api": ("Report", "run_export"),
        "soulprint.memory": ("Found", "Memory", "Origin", "Sections", "open_memory"),
        "shared.store.chunks": ("FoundPassage",),
        "shared.store.facts": ("StoredFact",),
        "shared.domain.facts": ("Category", "FactStatus"),
        "shared.domain.errors": tuple(name for name in __all__ if name.endswith("Error")),
    }

    def __getattr__(name: str) -> object:
        for room, names in _ROOMS.items():
            if name in names:
                value = globals()[name] = getattr(import_module(room), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
