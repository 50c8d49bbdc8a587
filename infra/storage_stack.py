"""What is kept whatever becomes of the pipeline: tables, buckets, logs; a stack in each region."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aws_cdk import Environment, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from constructs import Construct

from course_backfill.locations import Location
from course_backfill.resources import Bucket, Index, Resources, Table
from infra.buckets import AccessLogs, KeptBucket
from infra.function_logs import keep_logs
from infra.restores import forward_restores
from infra.stage import Stage


class StorageStack(Stack):
    """The tables, the work bucket, the buckets of locations in the stage's own region, the logs,
    and the bus of domain events.
    """

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(
            scope,
            f"{stage.settings.namespace}-storage",
            env=Environment(account=stage.account, region=stage.region),
            description=f"Course backfill ({stage.name}): tables, buckets and logs, which are kept",
            termination_protection=True,
        )
        resources = Resources.of(stage.settings)
        for table in resources.tables:
            _keep_table(self, table)
        logs = AccessLogs(self, "AccessLogs")
        (work,) = (bucket for bucket in resources.buckets if bucket.location is None)
        KeptBucket(self, "Work", work, logs=logs)
        for bucket in buckets_in(stage, stage.region):
            KeptBucket(self, _id_of(bucket), bucket, logs=logs)
        keep_logs(self, stage)
        _keep_bus(self, stage)


class RegionStack(Stack):
    """The buckets of locations in one other region; that restores are done is told from there."""

    def __init__(self, scope: Construct, stage: Stage, region: str) -> None:
        super().__init__(
            scope,
            f"{stage.settings.namespace}-storage-{region}",
            env=Environment(account=stage.account, region=region),
            description=f"Course backfill ({stage.name}): buckets in {region}, which are kept",
            termination_protection=True,
        )
        logs = AccessLogs(self, "AccessLogs")
        buckets = list(buckets_in(stage, region))
        for bucket in buckets:
            KeptBucket(self, _id_of(bucket), bucket, logs=logs)
        forward_restores(self, stage, [bucket.name for bucket in buckets])


def other_regions(stage: Stage) -> list[str]:
    """The regions of locations, but for the stage's own."""
    found = {_region(stage, one) for one in stage.settings.locations if is_ours(one)}
    return sorted(found - {stage.region})


def buckets_in(stage: Stage, region: str) -> Iterator[Bucket]:
    """The buckets of locations that the stacks make in a region, each once."""
    seen = set()
    for bucket in Resources.of(stage.settings).buckets:
        location = bucket.location
        if location and is_ours(location) and _region(stage, location) == region:
            if bucket.name not in seen:
                yield bucket
            seen.add(bucket.name)


def is_ours(location: Location) -> bool:
    """Whether the stacks make its bucket: one in another account or store is its owner's."""
    return location.role_arn is None and location.endpoint_url is None


def _region(stage: Stage, location: Location) -> str:
    return location.region or stage.region


def _id_of(bucket: Bucket) -> str:
    # By its name: a location that gets another bucket gets a new one, and the old one stays.
    return f"Bucket-{bucket.name}"


def _keep_table(scope: Construct, table: Table) -> None:
    """A table as `Resources` describes it; it outlives its stack."""
    made = dynamodb.Table(
        scope,
        f"Table-{table.id}",
        table_name=table.name,
        partition_key=_text("pk"),
        sort_key=_text("sk"),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        deletion_protection=True,
        removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    )
    _add_indexes(made, table.indexes)


def _keep_bus(scope: Construct, stage: Stage) -> None:
    """The bus of domain events; the rules on it are others', and it cannot be deleted while it has
    any."""
    bus = events.EventBus(scope, "Events", event_bus_name=stage.settings.event_bus)
    bus.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)


def _add_indexes(table: dynamodb.Table, indexes: Sequence[Index]) -> None:
    for index in indexes:
        table.add_global_secondary_index(
            index_name=index.name,
            partition_key=_text(index.partition),
            sort_key=_text(index.sort),
            projection_type=dynamodb.ProjectionType.ALL,
        )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
