"""The formats SoulPrint reads, in the order they are tried. Adding one is a module and a line here."""

from __future__ import annotations

from shared.exports.formats.ai_studio import AIStudio
from shared.exports.formats.base import Format, Head
from shared.exports.formats.chatbot_ui import ChatbotUI
from shared.exports.formats.chatgpt import ChatGPT
from shared.exports.formats.claude import Claude
from shared.exports.formats.copilot import Copilot
from shared.exports.formats.deepseek import DeepSeek
from shared.exports.formats.gemini import Gemini
from shared.exports.formats.gemini_html import GeminiHtml
from shared.exports.formats.github_copilot import GitHubCopilot
from shared.exports.formats.grok import Grok
from shared.exports.formats.le_chat import LeChat
from shared.exports.formats.librechat import LibreChat
from shared.exports.formats.open_webui import OpenWebUI
from shared.exports.formats.perplexity import Perplexity

FORMATS: tuple[Format, ...] = (
    ChatGPT(),
    Claude(),
    Gemini(),
    GeminiHtml(),
    Grok(),
    DeepSeek(),
    AIStudio(),
    Copilot(),
    LeChat(),
    Perplexity(),
    GitHubCopilot(),
    OpenWebUI(),
    LibreChat(),
    ChatbotUI(),
)


def detect(head: Head) -> Format | None:
    """The format of a member that begins like `head`, None if SoulPrint knows none such."""
    return next((known for known in FORMATS if known.detects(head)), None)
