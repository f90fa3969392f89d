"""The SDK's client, as the options say."""

from __future__ import annotations

import anthropic
import httpx2

from shared.domain.errors import UsageError
from shared.domain.told import told
from shared.models.claude.options import ClaudeOptions


def client_for(options: ClaudeOptions) -> anthropic.AsyncAnthropic:
    """Raises UsageError for an address that is none, and where there is no key."""
    try:
        client = anthropic.AsyncAnthropic(
            api_key=options.api_key,
            base_url=options.base_url,
            timeout=httpx2.Timeout(options.timeout, connect=min(10.0, options.timeout)),
            max_retries=0,  # one retry policy, ours: it counts, caps and obeys the lane
        )
    except (anthropic.AnthropicError, ValueError, httpx2.InvalidURL) as error:
        raise UsageError(
            f"Claude cannot be set up ({told(error)}); set ANTHROPIC_API_KEY, and ANTHROPIC_BASE_URL to "
            "http(s)://host[:port]"
        ) from None
    if client.base_url.scheme not in ("http", "https"):
        raise UsageError("set ANTHROPIC_BASE_URL to http(s)://host[:port]")
    if not (client.api_key or client.auth_token or client.credentials):
        raise UsageError("no API key: set ANTHROPIC_API_KEY, or use --model offline, which needs none")
    return client
