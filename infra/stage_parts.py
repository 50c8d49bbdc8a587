"""The tables of a stage's file: clients, the functions' limits, the network, throttling."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from course_backfill.api_clients import ALL_SCOPES
from course_backfill.errors import Problem
from course_backfill.settings_values import Count, shaped

FunctionName = Literal[
    "ingests-api",
    "planner",
    "warmer",
    "replicator",
    "verifier",
    "aggregator",
    "register",
    "notifier",
    "janitor",
]
Megabytes = Annotated[int, Field(ge=256, le=10_240)]
Disk = Annotated[int, Field(ge=512, le=10_240)]
LONGEST_TIMEOUT = 900
"""Seconds that Lambda lets a function run."""


def _id(kind: str, what: str) -> AfterValidator:
    """Ids of EC2: those of before 2016 have 8 digits, all others 17."""
    return shaped(
        rf"{kind}-([0-9a-f]{{8}}|[0-9a-f]{{17}})",
        f"the id of {what}: {kind}- and 8 or 17 of the digits 0 to 9 and a to f",
    )


Zone = Annotated[
    str, shaped(r"[a-z]{2,}(-[a-z]+)+-[0-9]+[a-z]", "an availability zone such as eu-west-1a")
]
ClientName = Annotated[
    str, shaped(r"[a-z][a-z0-9-]{0,31}", "1 to 32 lower-case letters, digits and hyphens")
]


def _known_scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    unknown = sorted(set(scopes) - set(ALL_SCOPES))
    if unknown or not scopes:
        raise ValueError(f"expected scopes out of {', '.join(ALL_SCOPES)}")
    return scopes


class Part(BaseModel):
    """A table of the file; what it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Client(Part):
    """A machine that may ask the API for something, with a client id and secret of its own."""

    name: ClientName
    scopes: Annotated[tuple[str, ...], AfterValidator(_known_scopes)]


class FunctionLimits(Part):
    """How large and how many the functions are."""

    timeout_seconds: Annotated[int, Field(ge=60, le=LONGEST_TIMEOUT)] = 300
    memory: dict[FunctionName, Megabytes] = Field(default_factory=dict)
    """MB for functions that need other than `memory_of` gives; 1,769 MB come with a whole core."""
    disk: dict[FunctionName, Disk] = Field(default_factory=dict)
    """MB of temporary disk for functions that need other than `disk_of` gives."""
    at_once: dict[FunctionName, Annotated[int, Field(ge=2, le=1_000)]] = Field(default_factory=dict)
    """How many of a worker run at a time, where other than `at_once_of` gives."""

    def memory_of(self, function: str) -> int:
        """MB of a function: a whole core for those that hash what they copy, and for the API, which
        has 29 seconds for a report that reads every course."""
        usual = 1_769 if function in {"ingests-api", "replicator", "verifier"} else 1_024
        return self.memory.get(function, usual)  # type: ignore[call-overload,no-any-return] # A name of FUNCTIONS.

    def disk_of(self, function: str) -> int:
        """MB of temporary disk: more for those that sort or write what a whole course has, as much
        as they can do in the longest time that a function may have."""
        usual = 2_560 if function in {"planner", "verifier", "aggregator"} else 512
        return self.disk.get(function, usual)  # type: ignore[call-overload,no-any-return] # A name of FUNCTIONS.

    def at_once_of(self, function: str) -> int:
        """How many of a worker run at a time: few of those that read the live MongoDB."""
        usual = {"replicator": 8, "verifier": 16}.get(function, 4)
        return self.at_once.get(function, usual)  # type: ignore[call-overload,no-any-return] # A name of FUNCTIONS.


class Network(Part):
    """How the functions that read MongoDB reach it."""

    vpc_id: Annotated[str, _id("vpc", "a VPC")] | None = None
    """The VPC that MongoDB is reached from; unset: MongoDB is on the public internet."""
    availability_zones: tuple[Zone, ...] = ()
    subnet_ids: tuple[Annotated[str, _id("subnet", "a subnet")], ...] = ()
    """Private subnets, one for each zone."""
    route_table_ids: tuple[Annotated[str, _id("rtb", "a route table")], ...] = ()
    """Of these subnets, in the same order: the endpoints of S3 and DynamoDB go there."""
    mongodb: tuple[IPv4Network, ...] = ()
    """Where MongoDB is in that VPC, or in what it is peered with."""
    mongodb_port: Annotated[int, Field(ge=1, le=65_535)] = 27_017
    prefix_lists: tuple[Annotated[str, _id("pl", "a prefix list")], ...] = ()
    """Of S3 and DynamoDB in the region, and what else is to be reached by HTTPS: nothing beside
    them is. `aws ec2 describe-managed-prefix-lists` tells the first two."""
    endpoints: bool = True
    """Whether endpoints are made for the services of AWS that the functions call; without a way out
    of the VPC they cannot do without."""
    endpoint_networks: tuple[IPv4Network, ...] = ()
    """Where the VPC's own endpoints of SQS, Secrets Manager and STS are, if none are made."""

    def problems(self, region: str | None) -> Iterator[Problem]:
        """What does not fit together, and to the stage's region, unless that is wrong itself."""
        needed = (
            *("availability_zones", "subnet_ids", "route_table_ids"),
            *("mongodb", "prefix_lists"),
        )
        if self.vpc_id is None:
            given = [one for one in needed if getattr(self, one)]
            yield from (Problem(f"network.{one}", "goes with vpc_id") for one in given)
            return
        missing = [one for one in needed if not getattr(self, one)]
        yield from (Problem(f"network.{one}", "is not set, and vpc_id is") for one in missing)
        if region is not None:
            yield from self._of_zones(region)
        lengths = {len(getattr(self, one)) for one in needed[:3]}
        if self.endpoints == bool(self.endpoint_networks):
            yield Problem(
                "network.endpoint_networks", "expected where endpoints = false, and only there"
            )
        if not missing and len(lengths) > 1:
            yield Problem(
                "network.subnet_ids", "expected one subnet and one route table for each zone"
            )

    def _of_zones(self, region: str) -> Iterator[Problem]:
        elsewhere = [one for one in self.availability_zones if one[:-1] != region]
        if elsewhere:
            yield Problem(
                "network.availability_zones",
                f"expected zones of {region}, such as {region}a: not {', '.join(elsewhere)}",
            )


class Throttling(Part):
    """What the API lets in, all clients together."""

    requests_per_second: Count = 50
    burst: Count = 100
