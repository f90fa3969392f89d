"""Our blueprints are such that Render takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.blueprint import Blueprint, read_blueprint

ROOT = Path(__file__).parents[2]
WHOLE, ONE_BOX = ROOT / "render.yaml", ROOT / "deploy" / "render" / "one-box.yaml"


@pytest.mark.parametrize("path", [WHOLE, ONE_BOX], ids=lambda path: path.stem)
def test_render_takes_the_blueprint(path: Path) -> None:
    assert read_blueprint(path).services


def test_the_one_box_is_one_service_that_needs_nothing_made_before() -> None:
    blueprint = read_blueprint(ONE_BOX)
    (box,) = blueprint.services
    assert (box.type, box.plan, box.numInstances, box.dockerCommand) == ("web", "starter", 1, "soulprint up")
    assert box.preDeployCommand == "soulprint migrate"
    assert [*blueprint.groups_of_others()] == []


def test_only_the_gateway_is_reached_by_the_world() -> None:
    blueprint = read_blueprint(WHOLE)
    assert [each.name for each in blueprint.services if each.type == "web"] == ["soulprint-gateway"]
    assert {*blueprint.groups_of_others()} == {"soulprint-secrets"}, "as its head says"


@pytest.mark.parametrize(
    "change",
    [
        {"healthCheckTimeout": 5},
        {"numInstances": "1"},
        {"numInstances": 0},
        {"maxShutdownDelaySeconds": 301},
        {"plan": "tiny"},
        {"runtime": "dockers"},
        {"disk": {"name": "home", "mountPath": "/var", "sizeGB": 1}, "maxShutdownDelaySeconds": 60},
        {"envVars": [{"value": "8000"}]},
        {"type": "worker", "healthCheckPath": "/livez"},
    ],
)
def test_what_render_refuses_is_refused(change: dict[str, Any]) -> None:
    service = {"type": "web", "name": "gateway", "runtime": "docker", "plan": "starter"}
    Blueprint.model_validate({"services": [service]})
    with pytest.raises(ValidationError):
        Blueprint.model_validate({"services": [service | change]})


def test_a_group_holds_no_secret() -> None:
    with pytest.raises(ValidationError, match="have values"):
        Blueprint.model_validate(
            {"envVarGroups": [{"name": "all", "envVars": [{"key": "K", "sync": False}]}]}
        )
