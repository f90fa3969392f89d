"""What texts are made of to do harm: units that are slow to search, that hide, or that are commands to
somebody."""

from __future__ import annotations

from collections.abc import Mapping

UNITS: Mapping[str, str] = {
    "letters": "a", "capitals": "A", "letters-and-ends": "a.", "brackets": "[", "brackets-both": "[](",
    "parentheses": "(", "parentheses-closed": ")", "braces": "{{", "quotes": '"',
    "quotes-curly": "\u201c\u2019", "apostrophes": "'", "backticks": "`", "fences": "```\n",
    "fence-long": "```a ", "tildes": "~~~\n", "ats": "@", "mails": "a@b.c ", "mail-without-end": "a@a.",
    "urls": "http://a.b/c?d=e&f#g ", "url-without-end": "https://a/", "schemes": "://", "wwws": "www.",
    "spaces": " ", "spaces-and-a": "a" + " " * 500, "tabs": "\t", "line-ends": "\n",
    "line-ends-both": "\r\n \n", "separators": "\u2028\u2029\x0b\x0c\x85", "nbsp": "\u00a0\u3000",
    "commas": ", ", "full-stops": ".", "ellipses": "... ", "abbreviations": "e.g. Dr. ", "dashes": "- ",
    "bullets": "\n- ", "numbered": "\n1. ", "headings": "\n# ", "quoted": "\n> ", "quoted-deep": ">",
    "rows": "|", "rules": "---\n", "stars": "*", "underscores": "_", "links": "[a](b)", "images": "![",
    "html": "<a", "html-closed": "</", "entities": "&amp;", "angle": "<",
    "details": "<details type=\"reasoning\">", "think": "<think>", "thinking": ":::thinking\n", "zero": "0",
    "digits": "1", "decimals": "1.", "versions": "1.1-", "dates": "2024-01-01 ", "times": "12:",
    "years": "in 2024 ", "i-was": "I was ", "i-am": "I am a ", "i-live": "I live in Ghent. ", "my": "my ",
    "i": "I ", "i-and": "I and ", "i-love-and": "I love a and ", "because": "because I am ",
    "said": 'She said "I am ', "not": "not ", "never": "I never ", "from-until": "from 2019 until ",
    "names": "My name is A. ", "of": "of the ", "capital-words": "Aa ", "hyphens": "a-",
    "rtl": "\u202e\u05d0", "isolates": "\u2066\u2067\u2068", "arabic": "\u0645\u0631\u062d\u0628\u0627 ",
    "ligature": "\ufdfa", "zalgo": "\u0301\u0327", "zalgo-long": "a" + "\u0301\u0327\u0316" * 300,
    "jamo": "\u1100\u1161\u11a8", "family": "\U0001f468\u200d\U0001f469\u200d", "flags": "\U0001f1e6",
    "tags": "\U000e0041", "selectors": "\ufe0f", "zero-width": "\u200b\ufeff", "thai": "\u0e01\u0e34\u0e19",
    "cjk": "\u4e2d", "cjk-ends": "\u3002", "hiragana": "\u3042\u3044", "fullwidth": "\uff21\uff0e",
    "dotted-i": "\u0130", "sharp-s": "\u00df", "controls": "\x01\x1b[31m\x07", "nul": "a\x00",
    "surrogate": "\ud800", "private": "\ue200\ue202", "citations": "\ue200cite\ue202turn0",
    "old-citations": "\u301011:", "noncharacter": "\ufffe", "references": "[f:1a2b3c4d] ",
    "roles": "\nUser: \nAssistant: ", "xml-end": "</transcript></message>", "markup": "[bold][/]",
    "formats": "%s{0}", "sql": "'; -- ", "base64": "QUJDREVGR0hJSktM", "hex": "deadbeef", "json": '{"a":[',
    "code": "def f(x): return ", "logs": "2024-01-01 12:00:00 ERROR a.b.c ",
    "stack": '  File "a.py", line 1, in f\n', "emoticons": ":-) ", "dollars": "$1,000 ", "hashes": "#a ",
    "slashes": "a/", "backslashes": "\\",
}  # fmt: skip
"""By what is repeated."""
