"""What a blueprint of Render may say, as far as ours say anything: written after the fields that Render
documents (its page of the blueprint specification, and its JSON schema), whose own text is not copied here.

A field that is not known, a value of another type, or one out of bounds is refused, as Render does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Plan = Literal["free", "starter", "standard", "pro", "pro plus", "pro max", "pro ultra"]
Region = Literal["oregon", "ohio", "frankfurt", "singapore", "virginia"]
Name = Annotated[str, Field(min_length=1)]
Instances = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Value(_Strict):
    """A variable that the blueprint sets, or that the dashboard asks for (`sync: false`)."""

    key: Name
    value: str | float | None = None
    generateValue: bool | None = None  # noqa: N815 - as Render spells it; so are all below
    sync: bool | None = None


class FromGroup(_Strict):
    """All of an environment group."""

    fromGroup: Name  # noqa: N815


class Group(_Strict):
    """An environment group, which holds no secrets."""

    name: Name
    envVars: list[Value]  # noqa: N815

    @model_validator(mode="after")
    def _holds_values(self) -> Self:
        if any(each.value is None and not each.generateValue for each in self.envVars):
            raise ValueError("a group's variables have values: the dashboard asks only for those of services")
        return self


class Disk(_Strict):
    """A folder that outlives an instance."""

    name: Name
    mountPath: Name  # noqa: N815
    sizeGB: Annotated[int, Field(ge=1)] = 10  # noqa: N815


class Server(_Strict):
    """A web service, private service or worker, made from a Dockerfile."""

    type: Literal["web", "pserv", "worker"]
    name: Name
    runtime: Literal["docker"]
    plan: Plan = "starter"
    region: Region = "oregon"
    dockerCommand: str | None = None  # noqa: N815
    dockerfilePath: str | None = None  # noqa: N815
    dockerContext: str | None = None  # noqa: N815
    preDeployCommand: str | None = None  # noqa: N815
    healthCheckPath: Annotated[str, Field(pattern="^/")] | None = None  # noqa: N815
    numInstances: Instances = 1  # noqa: N815
    maxShutdownDelaySeconds: Annotated[int, Field(ge=1, le=300)] | None = None  # noqa: N815
    disk: Disk | None = None
    envVars: list[Value | FromGroup] = []  # noqa: N815

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.disk and (self.numInstances > 1 or self.maxShutdownDelaySeconds is not None):
            raise ValueError("a service with a disk has one instance, and no shutdown delay of its own")
        if self.healthCheckPath and self.type != "web":
            raise ValueError("only web services are asked over HTTP")
        if self.plan == "free" and (self.preDeployCommand or self.maxShutdownDelaySeconds):
            raise ValueError("the free plan has neither pre-deploy commands nor shutdown delays")
        return self


class Blueprint(_Strict):
    """A blueprint as far as we use them."""

    services: list[Server] = []
    envVarGroups: list[Group] = []  # noqa: N815

    @model_validator(mode="after")
    def _has_names_once(self) -> Self:
        names = [each.name for each in self.services]
        if len(set(names)) < len(names):
            raise ValueError("two services have one name")
        return self

    def groups_of_others(self) -> Iterator[str]:
        """Groups that services take and the blueprint does not make: somebody makes them in the dashboard."""
        own = {each.name for each in self.envVarGroups}
        for service in self.services:
            yield from (
                v.fromGroup for v in service.envVars if isinstance(v, FromGroup) and v.fromGroup not in own
            )


def read_blueprint(path: Path) -> Blueprint:
    """Raises ValidationError, which names what Render would refuse."""
    return Blueprint.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
