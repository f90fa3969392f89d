"""`soulprint up`: every service in one process, and the gateway that answers for them."""

from __future__ import annotations

import socket

from prometheus_client import REGISTRY

from services.gateway.receiving.opening import uploads_folder
from shared.domain.addresses import is_this_machine
from shared.domain.ids import user_id_for
from shared.host.host import Host
from shared.host.services import opener_of
from shared.host.sole import sole_in
from shared.log.local import LocalLog
from shared.log.metrics import PoolMetrics
from shared.logs import configure_logs
from shared.pipelines import READERS, SERVICES, places_of
from shared.settings import Settings, load_settings
from soulprint.serve import configure_service_logs, serve_command, served
from soulprint.terminal import is_terminal, say

ENDED_AT_ONCE = "ended at once. Nothing that was accepted is lost: the next `soulprint up` goes on with it."


def up_command() -> None:
    """Run every service until a signal ends them: on Kafka where one is set, else over a log in memory, which
    needs no other server. Raises SoulprintError."""
    settings = _for_this_machine(load_settings())
    if settings.kafka_bootstrap_servers:
        serve_command(list(SERVICES), settings)
        return
    if is_terminal(err=True) and "log_level" not in settings.model_fields_set:
        configure_logs("warning")  # a person sees that it serves, and asks it how imports fare
        say("Starting; the first start takes some seconds longer. Ctrl-C ends it.", err=True)
    else:
        configure_service_logs(settings)
    settings = _reading_uploads(settings)
    with sole_in(settings.home) as name:
        host = Host(
            {name: opener_of(name) for name in SERVICES},
            settings,
            REGISTRY,
            open_log=_log_in_memory,
            sole=name,
        )
        served(host, lambda: _greeting(host, settings), again=ENDED_AT_ONCE)


def _for_this_machine(settings: Settings) -> Settings:
    """Where nothing says who may call, whoever is on this machine may, if nobody else reaches it."""
    said = "gateway_open" in settings.model_fields_set or settings.service_keys or settings.supabase_url
    if said or not is_this_machine(settings.gateway_host):
        return settings
    return settings.model_copy(update={"gateway_open": True})


def _reading_uploads(settings: Settings) -> Settings:
    """Where all services are in this process, they read what is uploaded to it."""
    roots = (*(settings.import_roots or ()), uploads_folder(settings))
    return settings.model_copy(update={"import_roots": roots})


def _log_in_memory(settings: Settings, metrics: PoolMetrics) -> LocalLog:
    places = places_of(READERS, settings.pipeline)
    return LocalLog(metrics, read={each.spec.topic(each.pipeline) for each in places})


def _greeting(host: Host, settings: Settings) -> list[str]:
    """What a person needs to know to begin."""
    name = settings.gateway_host if is_this_machine(settings.gateway_host) else socket.gethostname()
    address = f"http://{f'[{name}]' if ':' in name else name}:{host.public_port}"
    if not settings.gateway_open:
        who = "open to whoever brings a key or a token"
    elif is_this_machine(settings.gateway_host):
        who = "open to this machine, nobody else"
    else:
        who = "open to whoever reaches it"
    kept = settings.home if settings.store_kind == "embedded" else "the database that is set"
    key = "" if settings.gateway_open else " -H 'Authorization: Bearer KEY'"
    return [
        f"SoulPrint answers at {address}, {who}. What it keeps lies in {kept}.",
        f"Send an export:  curl -X POST -T export.zip -H 'Content-Type: application/zip'{key} \\",
        f"                     '{address}/imports?user_id={user_id_for('me')}'",
        f"The answer names the import: {address}/imports/IMPORT tells how it fares, `soulprint show` what "
        "became of it.",
        "What was accepted and is not finished when it ends goes on at the next start.",
    ]
