"""THIRD_PARTY_NOTICES: the licences of what the image holds of others. `make notices` writes it.

python -m scripts.notices
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib.metadata import Distribution
from typing import Any, Final

from scripts.held import base_image, built_in, held, licence_in, licence_of

_TEXT = re.compile(r"(?:^|/)(?:LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*$", re.IGNORECASE)
_HEAD: Final = """\
Third-party notices

The image of SoulPrint holds the packages below, each under its own licence. It stands on
{base}, whose own notices lie in the image: Debian's in
/usr/share/doc/*/copyright, Python's in /usr/local/lib/python3.11/LICENSE.txt. What was compiled
into a package is named as the package's own bill of materials names it.

Written by `make notices` from requirements.lock.
"""
_RULE: Final = "\n" + "=" * 80 + "\n"


def texts_of(package: Distribution) -> list[str]:
    """The licences and notices that a package brings, each once."""
    files = sorted(
        (str(file), file)
        for file in package.files or ()
        if _TEXT.search(str(file)) and ".dist-info/" in str(file)
    )
    texts = [
        "\n".join(line.rstrip() for line in file.read_text(encoding="utf-8").splitlines())
        for _, file in files
    ]
    return list(dict.fromkeys(text.strip("\n") for text in texts if text.strip()))


def _told(part: Mapping[str, Any]) -> str:
    return f"{part['name']} {part.get('version', '')} ({licence_in(part) or 'it does not say'})"


def notices() -> str:
    """The whole file. Raises LookupError where another version is installed than is locked."""
    seen: dict[str, str] = {}
    parts = [_HEAD.format(base=base_image())]
    for each in held():
        package = each.installed()
        lines = [f"{each.name} {each.version}", f"Licence: {licence_of(package) or 'see below'}"]
        if inside := built_in(package):
            lines += ["Compiled into it: " + ", ".join(_told(part) for part in inside)]
        for text in texts_of(package):
            if text in seen:
                lines += ["", f"The same text as for {seen[text]}."]
            else:
                seen[text] = each.name
                lines += ["", text]
        parts.append("\n".join(lines) + "\n")
    return _RULE.join(parts)


if __name__ == "__main__":
    sys.stdout.write(notices())
