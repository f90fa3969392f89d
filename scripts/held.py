"""What the image holds of others: the packages of requirements.lock, less what the Dockerfile leaves out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any, Final

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[1]
IN_IMAGE: Final = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.17",
    "python_version": "3.11",
    "sys_platform": "linux",
}
_ENTRY = re.compile(r"^(\S+==[^\\\n]+?)\s*\\\n((?:\s+--hash=\S+(?:\s*\\)?\n?)+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Locked:
    """One package as it is locked."""

    name: str
    version: str
    hashes: tuple[str, ...]
    """SHA-256 of each file of it that may be installed."""

    def installed(self) -> Distribution:
        """The same, as this interpreter has it. Raises LookupError if it has none, or another version."""
        found = distribution(self.name)
        if found.version != self.version:
            raise LookupError(f"{self.name}: {found.version} is installed, {self.version} is locked")
        return found


def locked(lock: str) -> Iterator[Locked]:
    """The packages of a lock that are installed in the image's Python."""
    for entry, hashes in _ENTRY.findall(lock):
        wanted = Requirement(entry)
        if wanted.marker is None or wanted.marker.evaluate({**default_environment(), **IN_IMAGE}):
            name, version = canonicalize_name(wanted.name), str(wanted.specifier).removeprefix("==")
            yield Locked(name, version, tuple(re.findall(r"sha256:([0-9a-f]{64})", hashes)))


def left_out(dockerfile: str) -> set[str]:
    """What the Dockerfile does not install, and what it takes away again."""
    never = re.findall(r"/\^([\w-]+)==/", dockerfile)
    (again,) = re.findall(r"uninstall --quiet --yes \\\n((?:.+\\\n)*.+)\n", dockerfile)
    return {canonicalize_name(name) for name in [*never, *again.replace("\\", " ").split()]}


def held() -> list[Locked]:
    """What the image holds, by name."""
    without = left_out((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return sorted((each for each in locked(lock) if each.name not in without), key=lambda each: each.name)


def base_image() -> str:
    """The image that ours stands on, with its digest."""
    (found,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    return str(found)


def licence_of(package: Distribution) -> str:
    """What a package says of its licence, in one line; where it says nothing short, nothing."""
    said: Any = package.metadata.json
    if text := str(said.get("license_expression") or "").strip():
        return text
    named = [each.rpartition(" :: ")[2] for each in said.get("classifier", ()) if "License :: OSI" in each]
    plain = str(said.get("license") or "").strip()
    return ", ".join(named) or ("" if "\n" in plain else plain)


def licence_in(part: Mapping[str, Any]) -> str:
    """What a component of a bill of materials says of its licence, in one line."""
    found = [each.get("expression") or each["license"].get("id", "") for each in part.get("licenses", ())]
    return " AND ".join(filter(None, found))


def built_in(package: Distribution) -> list[dict[str, Any]]:
    """What was compiled into a package, as its own bills of materials (CycloneDX) say."""
    bills = [file for file in package.files or () if "/sboms/" in str(file) and str(file).endswith(".json")]
    parts = [
        part
        for file in bills
        for part in json.loads(file.read_text(encoding="utf-8")).get("components", ())
        if canonicalize_name(part["name"]) != canonicalize_name(package.name)
    ]
    unique = {(part["name"], part.get("version", "")): part for part in parts}
    return [unique[key] for key in sorted(unique)]
