"""Every file, folder and module that docs, docstrings and comments name is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from soulprint.outputs import MEMORY_FILE, SECTION_FILES

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "bench", "data", "deploy", "docs", "examples", "scripts", "services", "shared", "soulprint", "supabase",
    "tests",
)  # fmt: skip
FILES = [p for p in ROOT.iterdir() if p.is_file()]
FILES += [p for folder in FOLDERS for p in (ROOT / folder).rglob("*") if p.is_file()]
MADE = {MEMORY_FILE, *SECTION_FILES.values()}
"""Pages that a run makes."""
_COMMENT = re.compile(r"#[^\n]*")
SPOKEN = {
    ".md": re.compile(r"(?s).+"),
    ".py": re.compile(r'(?s)""".*?"""|#[^\n]*'),
    ".sql": re.compile(r"--[^\n]*"),
    **dict.fromkeys((".yml", ".yaml", ".sh", ".toml", "Dockerfile", "Makefile"), _COMMENT),
}
"""The parts of a file that are for readers, by its suffix, or name where it has none."""

_IN_TREE = re.compile(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w./-]*+(?![*<{{])")
_NAMED = re.compile(r"(?<![\w/.*<>-])[\w-]+(?:/[\w-]+)*+\.(?:py|sql|md)\b")
_MODULE = re.compile(r"(?<![\w/.])(?:bench|examples|scripts|services|shared|tests)(?:\.\w+)+")


def told(path: Path) -> str:
    """What a file says to its readers: a page all of it, code its docstrings and comments."""
    fiction = path.parent == ROOT / "examples" / "conversations"
    pattern = None if fiction else SPOKEN.get(path.suffix or path.name)
    return " ".join(pattern.findall(path.read_text("utf-8"))) if pattern else ""


def is_there(module: str) -> bool:
    """Whether a dotted name is a module, or a name that stands in one."""
    parts = module.split(".")
    for n in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:n])
        if found := [p for p in (path.with_suffix(".py"), path / "__init__.py") if p.exists()]:
            return n == len(parts) or bool(re.search(rf"\b{parts[n]}\b", found[0].read_text("utf-8")))
    return False


def missing(path: Path) -> Iterator[str]:
    text = told(path)
    yield from (name for name in _IN_TREE.findall(text) if not (ROOT / name.rstrip(".")).exists())
    yield from (name for name in _MODULE.findall(text) if not is_there(name))
    for name in {*_NAMED.findall(text)} - MADE:
        if not any(file.as_posix().endswith(f"/{name}") for file in FILES):
            yield name


def test_every_file_and_module_that_is_named_exists() -> None:
    assert {str(p.relative_to(ROOT)): sorted(found) for p in FILES if (found := {*missing(p)})} == {}


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text("utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", line.lower()).strip().replace(" ", "-")
        for line in re.findall(r"(?m)^#+ (.+)$", text)
    }


def test_every_link_leads_to_a_page_and_a_heading_that_there_are() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    lost = []
    for page in pages:
        for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text("utf-8")):
            name, _, anchor = link.partition("#")
            target = (page.parent / name) if name else page
            if not target.exists() or (anchor and anchor not in headings(target)):
                lost.append(f"{page.relative_to(ROOT)}: {link}")
    assert lost == []
