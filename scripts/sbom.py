"""The bill of materials of the image, as CycloneDX JSON. `make sbom` writes it to build/sbom.cdx.json.

python -m scripts.sbom SEEN

SEEN is what cyclonedx-py saw in this checkout's environment: components, licences, and what needs what. Here
it is cut down to what the image holds, and completed by the hashes of the files that may be installed, as the
lock has them, by what was compiled into each package, and by the image that ours stands on. Debian's packages
are not in it: the base image brings a bill of its own (docs/docker.md says how to read it).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

import soulprint
from scripts.held import Locked, base_image, built_in, held

Component = dict[str, Any]


def bill(seen: dict[str, Any]) -> dict[str, Any]:
    """The whole of it. Raises LookupError where a package was not seen, or not in the locked version."""
    of_name = {canonicalize_name(each["name"]): each for each in seen["components"]}
    components = [_completed(of_name.get(each.name), each) for each in held()]
    refs = {each["bom-ref"] for each in components} | {seen["metadata"]["component"]["bom-ref"]}
    subject = {**seen["metadata"]["component"], "version": soulprint.__version__}
    return {
        **seen,
        "metadata": {**seen["metadata"], "component": subject},
        "components": [_base(), *components],
        "dependencies": [
            {"ref": each["ref"], "dependsOn": sorted(refs & {*each.get("dependsOn", ())})}
            for each in seen["dependencies"]
            if each["ref"] in refs
        ],
    }


def _completed(seen: Component | None, locked: Locked) -> Component:
    if seen is None or seen["version"] != locked.version:
        raise LookupError(f"{locked.name} {locked.version} is locked, and not installed here")
    files = [
        {
            "type": "distribution",
            "url": f"pkg:pypi/{locked.name}@{locked.version}",
            "hashes": [{"alg": "SHA-256", "content": each}],
        }
        for each in locked.hashes
    ]
    inside = list(_inside(locked))
    return {
        **seen,
        "externalReferences": [*seen.get("externalReferences", ()), *files],
        **({"components": inside} if inside else {}),
    }


def _inside(locked: Locked) -> Iterator[Component]:
    for part in built_in(locked.installed()):
        kept = {
            key: part[key] for key in ("type", "name", "version", "purl", "licenses", "hashes") if key in part
        }
        yield {
            "type": "library",
            "bom-ref": f"{locked.name}/{part['name']}@{part.get('version', '')}",
            **kept,
        }


def _base() -> Component:
    image, _, digest = base_image().partition("@sha256:")
    name, _, tag = image.partition(":")
    return {
        "type": "container",
        "bom-ref": "base-image",
        "name": name,
        "version": tag,
        "purl": f"pkg:oci/{name}@sha256%3A{digest}?tag={tag}",
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }


if __name__ == "__main__":
    json.dump(bill(json.loads(Path(sys.argv[1]).read_text("utf-8"))), sys.stdout, indent=1)
