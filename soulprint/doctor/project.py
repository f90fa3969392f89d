"""The Supabase project: its key, and the bucket of exports."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from shared.domain.addresses import shown_address
from shared.domain.errors import SourceError, StoreError
from shared.domain.service_keys import claims_of
from shared.settings import Settings
from shared.store.object_names import bucket_of
from soulprint.doctor.check import Check

WANTED: Final = ("application/zip", "application/json")
"""Types of exports as the app puts them there."""
ENOUGH_BYTES: Final = 10 * 1024**3
"""As large as exports come."""
_CLOUD: Final = ".supabase.co"


async def check_project(settings: Settings) -> list[Check]:
    """Key and bucket; nothing where no project is named."""
    url, key = settings.supabase_url, settings.supabase_service_role_key
    if url is None and key is None:
        return []
    if url is None or key is None:
        lacks = "SUPABASE_URL" if url is None else "SUPABASE_SERVICE_ROLE_KEY"
        return [Check("project", False, f"{lacks} is not set", f"set {lacks}, or neither of the two")]
    project = _key(url, key.get_secret_value())
    if not project.ok:
        return [project]
    return [project, await _bucket(url, key.get_secret_value(), bucket_of(settings.import_buckets))]


def _key(url: str, key: str) -> Check:
    claims, host = claims_of(key), urlsplit(url).hostname or ""
    expires, project = claims.get("exp"), claims.get("ref")
    if isinstance(expires, int | float) and expires <= time.time():
        when = datetime.fromtimestamp(expires, UTC)
        return Check(
            "project",
            False,
            f"{shown_address(url)}: the service key expired at {when:%Y-%m-%d %H:%M} UTC",
            "set SUPABASE_SERVICE_ROLE_KEY to a key that the project shows now",
        )
    if isinstance(project, str) and host.endswith(_CLOUD) and host != f"{project}{_CLOUD}":
        return Check(
            "project",
            False,
            f"{shown_address(url)}: the service key is another project's",
            "set SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY to the same project's",
        )
    kind = f"a legacy key of {claims['role']}" if "role" in claims else "a secret key"
    return Check("project", True, f"{shown_address(url)}, with {kind}")


async def _bucket(url: str, key: str, name: str) -> Check:
    from shared.store.objects import open_objects  # an HTTP client that nothing else needs

    try:
        async with open_objects(url, key) as objects:
            bucket = await objects.bucket(name)
    except SourceError as error:
        return Check(
            "bucket",
            False,
            str(error),
            "it is to take zip and JSON of up to 10 GiB (docs/supabase.md has the statement); and see that "
            "the key is this project's service key",
        )
    except StoreError as error:
        return Check("bucket", False, name, str(error))
    if bucket.public:
        return Check("bucket", False, f"{name} is public: whoever knows a name reads it", "make it private")
    if refused := [kind for kind in WANTED if bucket.refusal(0, kind)]:
        return Check(
            "bucket", False, f"{name} takes no {' and no '.join(refused)}", "let it take these types"
        )
    if bucket.size_limit is not None and bucket.size_limit < ENOUGH_BYTES:
        return Check(
            "bucket",
            True,
            f"{name}, private, takes at most {bucket.size_limit:,} bytes",
            "exports may be larger: let it take up to 10 GiB",
        )
    return Check("bucket", True, f"{name}, private")
