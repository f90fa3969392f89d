"""The app that is told of what is served: whether it could be."""

from __future__ import annotations

from shared.domain.addresses import shown_address
from shared.settings import Settings
from soulprint.doctor.check import Check


async def check_app(settings: Settings) -> list[Check]:
    """Whether the app answers where APP_URL says; nothing where no app is spoken of. It is told nothing."""
    in_format = settings.profile_format == "app"
    if not settings.app_url:
        advice = "set APP_URL if the app is to be told of what is served"
        return [Check("app", True, "reads the profiles, and is told nothing", advice)] if in_format else []
    if not in_format:
        return [
            Check(
                "app",
                False,
                f"{shown_address(settings.app_url)}, and nobody is told: profiles are not in its format",
                "set PROFILE_FORMAT=app, or unset APP_URL",
            )
        ]
    from services.writer.app_call import missing_app  # an HTTP client is 10 MB

    if why := await missing_app(settings.app_url):
        advice = "set APP_URL to the app's address; until then nobody is told, and not later either"
        return [Check("app", False, f"{shown_address(settings.app_url)}: {why}", advice)]
    return [Check("app", True, f"{shown_address(settings.app_url)}, told of what is served")]
