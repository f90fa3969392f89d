"""What ops and laptops may change, as `Settings`."""

from shared.settings.settings import Settings, load_settings

__all__ = ["Settings", "load_settings"]
