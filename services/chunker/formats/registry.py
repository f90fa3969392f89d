"""The formats SoulPrint reads, in the order they are tried. Adding one is a module and a line here."""

from __future__ import annotations

from services.chunker.formats.base import Format, Head
from services.chunker.formats.chatgpt import ChatGPT
from services.chunker.formats.claude import Claude
from services.chunker.formats.gemini import Gemini
from services.chunker.formats.gemini_html import GeminiHtml
from services.chunker.formats.grok import Grok
from services.chunker.formats.librechat import LibreChat
from services.chunker.formats.open_webui import OpenWebUI

FORMATS: tuple[Format, ...] = (
    ChatGPT(),
    Claude(),
    Gemini(),
    GeminiHtml(),
    Grok(),
    OpenWebUI(),
    LibreChat(),
)


def detect(head: Head) -> Format | None:
    """The format of a member that begins like `head`, None if SoulPrint knows none such."""
    return next((known for known in FORMATS if known.detects(head)), None)
