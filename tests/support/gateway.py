"""The gateway of a Supabase project before real parts: nginx, which lets in whom its keys let in, and
passes on /rest/v1, /storage/v1 and /auth/v1."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from tests.support.kafka import free_port
from tests.support.listening import listening
from tests.support.postgrest import Postgrest, missing, postgrest
from tests.support.tokens import Signer

PUBLISHABLE, SECRET = "sb_publishable_of_the_tests", "sb_secret_of_the_tests"
"""The keys of the newer kind, which are no tokens: the gateway puts a token in their place."""
_CONFIGURATION = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 512; }}
http {{
    access_log off; client_max_body_size 0; keepalive_timeout 60s; map_hash_bucket_size 1024;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi; uwsgi_temp_path {folder}/uwsgi;
    map $http_apikey $consumer {{ default "0"; {consumers} }}
    map $http_apikey $token {{ default ""; {minted} }}
    map $http_authorization $bearer {{ default $http_authorization; "" $token; "~^Bearer sb_" $token; }}
    upstream rest {{ server 127.0.0.1:{rest} max_fails=0; keepalive 16; }}
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Authorization $bearer;
    server {{
        listen 127.0.0.1:{port};
        default_type application/json;
        location /rest/v1/ {{
            if ($http_apikey = "") {{ return 401 '{{"message":"No API key found in request"}}'; }}
            if ($consumer = "0") {{ return 401 '{{"message":"Invalid authentication credentials"}}'; }}
            proxy_buffering off;
            proxy_pass http://rest/;
        }}
        {others}
    }}
}}
"""


@dataclass(frozen=True)
class Project:
    """A Supabase project as its clients see it, over real parts. Use `supabase_project`."""

    url: str
    rest: Postgrest
    signer: Signer = field(repr=False)
    service_key: str = field(repr=False)
    anon_key: str = field(repr=False)
    expired_key: str = field(repr=False)
    """Was the service's."""

    def headers(self, user: UUID | None = None, *, algorithm: str = "HS256") -> dict[str, str]:
        """Of a request from the app's page: by the user who signed in, or by nobody."""
        if user is None:
            return {"apikey": self.anon_key, "Authorization": f"Bearer {self.anon_key}"}
        token = self.signer.token("authenticated", user, algorithm=algorithm)
        return {"apikey": self.anon_key, "Authorization": f"Bearer {token}"}


@asynccontextmanager
async def supabase_project(
    dsn: str, *, storage: str | None = None, auth: str | None = None
) -> AsyncIterator[Project]:
    """A project over the migrated database of a superuser's DSN; `storage` and `auth`: the URLs of what
    stands in for those two."""
    signer = Signer()
    keys = {
        "service_key": signer.token("service_role"),
        "anon_key": signer.token("anon"),
        "expired_key": signer.token("service_role", seconds=-3600.0),
    }
    minted = {
        SECRET: signer.token("service_role", algorithm="ES256"),
        PUBLISHABLE: signer.token("anon", algorithm="ES256"),
    }
    async with postgrest(dsn, signer.jwks) as rest:
        others = {"storage": storage, "auth": auth}
        served = {name: url for name, url in others.items() if url is not None}
        async with _gateway(rest.port, [*keys.values(), *minted], minted, served) as url:
            yield Project(url=url, rest=rest, signer=signer, **keys)


@asynccontextmanager
async def _gateway(
    rest: int, consumers: Sequence[str], minted: dict[str, str], others: dict[str, str]
) -> AsyncIterator[str]:
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if nginx is None:
        missing("no nginx for its gateway: apt-get install nginx-light")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="soulprint-gateway-") as folder:
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                folder=folder,
                port=port,
                rest=rest,
                consumers=" ".join(f'"{key}" "1";' for key in consumers),
                minted=" ".join(f'"{key}" "Bearer {token}";' for key, token in minted.items()),
                others=" ".join(
                    f"location /{name}/v1/ {{ proxy_buffering off; proxy_pass {url}; }}"
                    for name, url in others.items()
                ),
            )
        )
        async with listening([nginx, "-p", folder, "-e", "stderr", "-c", str(configuration)], port):
            yield f"http://127.0.0.1:{port}"
