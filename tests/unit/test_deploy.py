"""What is deployed agrees with the code: services, settings, ports, topics, groups and metrics. No Docker."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.host.services import opener_of
from shared.metrics.table import METRICS
from shared.pipelines import SERVICES, live_topics
from shared.settings import Settings
from shared.settings.gateway import PREFIX, GatewaySettings
from tests.support.plain_yaml import read_yaml

ROOT = Path(__file__).parents[2]
COMPOSE = read_yaml(ROOT / "docker-compose.yml")
PROMETHEUS = read_yaml(ROOT / "deploy" / "prometheus.yml")
RULES = read_yaml(ROOT / "deploy" / "alerts.yml")["groups"][0]["rules"]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "soulprint.json").read_text(encoding="utf-8"))
RENDER = read_yaml(ROOT / "render.yaml")
ONE_BOX = read_yaml(ROOT / "deploy" / "render" / "one-box.yaml")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
OTHERS = {"kafka", "postgres", "setup", "prometheus", "soulprint"}
"""What compose runs beside the services."""
FROM_OUTSIDE = {"ANTHROPIC_AUTH_TOKEN", "PORT"}
"""Read by the model's own client, and by Render, not by our settings."""
FOR_DEVELOPMENT = {"SOULPRINT_LOG_LEVEL": "info", "SOULPRINT_GATEWAY_OPEN": "true"}
"""What compose sets otherwise than the settings do."""

SAMPLES = {"gauge": ("",), "counter": ("",), "histogram": ("_bucket", "_count", "_sum")}


def services() -> dict[str, Any]:
    return {name: spec for name, spec in COMPOSE["services"].items() if name not in OTHERS}


def in_code() -> set[str]:
    return {app.parent.name for app in (ROOT / "services").glob("*/app.py")}


def samples() -> dict[str, set[str]]:
    """Every sample that our metrics can give, and its labels."""
    return {
        metric.name + suffix: {*metric.labels} | ({"le"} if suffix == "_bucket" else set())
        for metric in METRICS
        for suffix in SAMPLES[metric.kind]
    }


def expressions() -> Iterator[tuple[str, str]]:
    """Where it stands, and the PromQL, of every alert and every panel."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"]


def test_the_command_line_serves_every_service_that_there_is() -> None:
    assert in_code() == set(SERVICES)
    assert all(callable(opener_of(name)) for name in SERVICES)


def test_compose_runs_every_service_and_no_other() -> None:
    assert {name: spec["command"] for name, spec in services().items()} == {
        name: ["soulprint", "serve", name] for name in SERVICES
    }


def test_render_runs_every_service_and_no_other() -> None:
    assert {s["name"]: s["dockerCommand"] for s in RENDER["services"]} == {
        f"soulprint-{name}": f"soulprint serve {name}" for name in SERVICES
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_after_the_set_up_is_watched_and_may_drain(name: str) -> None:
    spec = services()[name]
    assert spec["depends_on"] == {"setup": {"condition": "service_completed_successfully"}}
    assert spec["healthcheck"]["test"][1:] in (["healthcheck", "/readyz"], ["healthcheck", "/livez"])
    (told,) = re.findall(r"Give containers\s+a grace of (\d+) s", (ROOT / "docs/operations.md").read_text())
    assert int(spec["stop_grace_period"].removesuffix("s")) >= int(told)
    (rendered,) = (each for each in RENDER["services"] if each["name"] == f"soulprint-{name}")
    assert int(rendered["maxShutdownDelaySeconds"]) >= int(told)


def test_the_set_up_makes_schema_and_topics_once_both_servers_answer() -> None:
    setup = COMPOSE["services"]["setup"]
    assert setup["command"][-1] == "soulprint migrate && soulprint topics create"
    assert setup["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "postgres": {"condition": "service_healthy"},
    }


def test_the_extractor_can_be_scaled() -> None:
    assert not {"container_name", "ports", "hostname"} & set(services()["extractor"])


def test_ports_are_published_on_loopback_only() -> None:
    ports = [port for spec in COMPOSE["services"].values() for port in spec.get("ports", ())]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_everything_is_confined() -> None:
    for name, spec in COMPOSE["services"].items():
        assert spec["security_opt"] == ["no-new-privileges:true"], name
        assert spec["cap_drop"] == ["ALL"], name
        assert not {"cap_add", "privileged", "pid", "ipc", "network_mode", "devices"} & set(spec), name
        assert spec["read_only"] == "true" or name == "kafka"
        assert spec["mem_limit"], name
        assert int(spec["pids_limit"]) > 0, name


def test_every_service_may_write_temporary_files_and_has_a_bound_on_them() -> None:
    """A tmpfs counts against the memory of who writes there; exports lie on the disk."""
    for name, spec in services().items():
        if name in ("chunker", "quickpass"):
            assert "/tmp" in spec["volumes"]
            assert spec["tmpfs"] == []
        else:
            assert spec["tmpfs"] == ["/tmp:size=64m"], name


def test_servers_of_others_run_as_nobody_of_importance() -> None:
    """Kafka's image does by itself; the others' numbers are those of their images."""
    assert {name: COMPOSE["services"][name]["user"] for name in ("postgres", "prometheus")} == {
        "postgres": "999:999",
        "prometheus": "65534:65534",
    }


def test_every_environment_names_settings_that_exist() -> None:
    names = {field.upper() for field in Settings.model_fields}
    known = {f"{PREFIX}{name}" for name in names} | (names - {"HOME"}) | FROM_OUTSIDE
    render = {v["key"] for group in RENDER["envVarGroups"] for v in group["envVars"]}
    render |= {
        v["key"] for each in (RENDER, ONE_BOX) for s in each["services"] for v in s["envVars"] if "key" in v
    }
    image = set(re.findall(rf"({PREFIX}[A-Z_]+)=", DOCKERFILE))
    assert set(COMPOSE["x-settings"]) <= known
    assert render <= known
    assert image <= known


def test_compose_passes_on_every_setting_of_the_gateway() -> None:
    assert {f"{PREFIX}{field.upper()}" for field in GatewaySettings.model_fields} <= set(
        COMPOSE["x-settings"]
    )


def test_compose_takes_the_defaults_of_the_settings() -> None:
    for name, value in COMPOSE["x-settings"].items():
        if matched := re.fullmatch(r"\$\{(\w+):-(.+)\}", value or ""):
            assert matched[1] == name
            default = Settings.model_fields[name.removeprefix(PREFIX).lower()].default
            assert matched[2] == FOR_DEVELOPMENT.get(name, str(default))


def test_one_port_serves_health_and_metrics_everywhere() -> None:
    port = str(Settings.model_fields["metrics_port"].default)
    scrape = PROMETHEUS["scrape_configs"][0]["dns_sd_configs"][0]
    render = {v["key"]: v["value"] for group in RENDER["envVarGroups"] for v in group["envVars"]}
    assert COMPOSE["x-settings"]["SOULPRINT_METRICS_PORT"] == port
    assert render["SOULPRINT_METRICS_PORT"] == port
    assert scrape["port"] == port
    assert f"EXPOSE {port}\n" in DOCKERFILE
    assert f"SOULPRINT_METRICS_PORT:-{port}" in (ROOT / "deploy/docker/healthcheck").read_text()


def test_the_gateway_answers_on_one_port_everywhere() -> None:
    port = str(Settings.model_fields["gateway_port"].default)
    assert COMPOSE["x-settings"]["SOULPRINT_GATEWAY_PORT"] == port
    (published,) = services()["gateway"]["ports"]
    assert published.endswith(f":{port}")
    assert f"EXPOSE {port}\n" in DOCKERFILE
    for blueprint in (RENDER, ONE_BOX):
        (web,) = (each for each in blueprint["services"] if each["type"] == "web")
        groups = [v for group in blueprint.get("envVarGroups", ()) for v in group["envVars"]]
        given = {v["key"]: v["value"] for v in [*web["envVars"], *groups] if "value" in v}
        assert {given["PORT"], given["SOULPRINT_GATEWAY_PORT"]} == {port}
        assert given["SOULPRINT_GATEWAY_HOST"] == "0.0.0.0"
        assert web["healthCheckPath"] == "/livez"


def test_uploads_lie_where_those_who_read_them_look() -> None:
    (folder,) = re.findall(r"SOULPRINT_HOME=(\S+)", DOCKERFILE)
    assert f"{folder}/uploads" in COMPOSE["x-settings"]["SOULPRINT_IMPORT_ROOTS"].split(":")
    mounts = {
        name: [m for m in spec.get("volumes", ()) if m.startswith("uploads:")]
        for name, spec in services().items()
    }
    assert {name for name, found in mounts.items() if found} == {"gateway", "quickpass", "chunker"}
    assert all(f":{folder}/uploads" in mount for found in mounts.values() for mount in found)


def test_prometheus_scrapes_every_service() -> None:
    assert set(PROMETHEUS["scrape_configs"][0]["dns_sd_configs"][0]["names"]) == set(SERVICES)


def test_a_missing_service_of_any_name_is_noticed() -> None:
    (rule,) = [rule for rule in RULES if rule["alert"] == "SoulprintServiceMissing"]
    assert set(re.findall(r'absent\(up\{job="soulprint", service="(\w+)"\}\)', rule["expr"])) == set(SERVICES)


def test_every_metric_that_is_watched_exists() -> None:
    known = set(samples())
    watched = list(expressions())
    assert len(watched) > 25
    for where, expression in watched:
        names = set(re.findall(r"\bsoulprint_\w+", expression))
        assert names <= known, f"{where}: {names - known}"


def test_no_file_of_the_deployment_names_a_metric_that_does_not_exist() -> None:
    known = set(samples())
    for path in (path for path in (ROOT / "deploy").rglob("*") if path.is_file()):
        names = set(re.findall(r"\bsoulprint_[a-z_]+", path.read_text(encoding="utf-8")))
        assert names <= known, f"{path.name}: {names - known}"


def test_every_metric_that_is_grouped_or_chosen_by_a_label_has_it() -> None:
    known = samples()
    given = {"job", "instance", "service"}
    for where, expression in expressions():
        of = re.findall(r"\bsoulprint_\w+", expression)
        named = {
            label.strip()
            for group in re.findall(r"\bby \(([^)]*)\)", expression)
            for label in group.split(",")
        }
        named |= set(re.findall(r"(\w+)=~?\"", expression))
        for label in named - given:
            assert any(label in known[name] for name in of), f"{where}: {label}"


def test_an_alert_says_how_bad_it_is_and_what_to_do() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]


def test_a_runbook_that_an_alert_names_is_a_heading_of_a_page() -> None:
    named = [url for rule in RULES if (url := rule["annotations"].get("runbook_url"))]
    assert len(named) >= 4
    for url in named:
        page, _, anchor = url.partition("#")
        headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}, url


def test_operations_has_a_row_for_every_alert_and_no_other() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    told = re.findall(r"^\| `(Soulprint\w+)` \|", page, re.MULTILINE)
    assert sorted(told) == sorted(rule["alert"] for rule in RULES)


@pytest.mark.parametrize("name", ["extractor", "chunker", "quickpass"])
def test_an_autoscaler_reads_the_group_of_its_service(name: str) -> None:
    scaled = read_yaml(ROOT / "deploy" / "keda" / f"{name}.yaml")["spec"]
    (trigger,) = scaled["triggers"]
    partitions = {spec.name: spec.partitions for spec in live_topics("v2")}
    assert trigger["metadata"]["consumerGroup"] == SERVICES[name].group("v2")
    assert trigger["metadata"]["topic"] == SERVICES[name].topic("v2")
    assert int(scaled["maxReplicaCount"]) <= partitions[trigger["metadata"]["topic"]]


def test_the_image_runs_as_a_user_and_imports_every_service() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    (user,) = re.findall(r"^USER (\d+):\d+$", last, re.MULTILINE)  # a name is refused by runAsNonRoot
    assert f"--uid {user} " in last
    assert int(user) > 0
    assert "import services.$name.app" in last
    assert "--require-hashes" in DOCKERFILE
    assert "# syntax=" not in DOCKERFILE


def test_what_the_image_copies_is_sent_to_the_builder() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(source == path or source.startswith(f"{path}/") for path in sent), source
    assert {path for path in sent if not (ROOT / path).exists()} == set()


def test_no_password_but_the_development_one() -> None:
    for path in ("docker-compose.yml", "render.yaml", "deploy/render/one-box.yaml"):
        text = (ROOT / path).read_text(encoding="utf-8")
        for value in re.findall(r"^ +\w*(?:PASSWORD|KEY)\w*: *(\S+)", text, re.MULTILINE):
            assert value == "${POSTGRES_PASSWORD:-soulprint}", f"{path}: {value}"
