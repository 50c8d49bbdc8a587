"""The pipeline, from top to bottom; it holds nothing that is not in the storage stack as well."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, Duration, Environment, Stack
from constructs import Construct

from course_backfill.resources import Resources
from infra.alarms import Alarms
from infra.api import TIMEOUT_SECONDS, Api
from infra.dashboard import Dashboard
from infra.function import Function
from infra.ingest_alarms import watch_ingests, watch_janitor
from infra.network import Network
from infra.restores import hear_restores
from infra.schedules import schedule_discoveries, schedule_sweeps
from infra.stage import API, Stage
from infra.worker import Worker


class PipelineStack(Stack):
    """Everything that works; it can be deleted and made again at any time between two messages."""

    def __init__(self, scope: Construct, stage: Stage, *, code: Path) -> None:
        """`code` is the folder that all functions run."""
        super().__init__(
            scope,
            f"{stage.settings.namespace}-pipeline",
            env=Environment(account=stage.account, region=stage.region),
            description=f"Course backfill ({stage.name}): API, queues and workers",
        )
        alarms = Alarms(self, "Alarms", stage=stage)
        network = Network(self, "Network", stage=stage) if stage.network.vpc_id else None

        def worker(service: str) -> Worker:
            (queue,) = (one for one in resources.queues if one.service == service)
            return Worker(self, queue, stage=stage, code=code, network=network, alarms=alarms)

        resources = Resources.of(stage.settings)

        api = Function(
            self,
            "IngestsApi",
            stage=stage,
            name=API,
            code=code,
            timeout=Duration.seconds(TIMEOUT_SECONDS),
            network=network,
            alarms=alarms,
        )
        Api(self, "Api", stage=stage, function=api, alarms=alarms)

        planner = worker("planner")
        warmer = worker("warmer")
        replicator = worker("replicator")
        verifier = worker("verifier")
        aggregator = worker("aggregator")
        register = worker("register")
        janitor = worker("janitor")
        notifier = worker("notifier")
        workers = [
            *(planner, warmer, replicator, verifier, aggregator, register, janitor, notifier)
        ]

        for one in workers:
            janitor.takes(f"DeadLettersOf{one.service.capitalize()}", one.dead_letters, at_once=2)
        schedule_sweeps(self, stage, janitor.function)
        schedule_discoveries(self, stage, planner.function)
        buckets = [one.name for one in resources.buckets if one.location]
        hear_restores(self, stage, buckets, warmer.function)

        watch_ingests(janitor, stage, alarms)
        watch_janitor(janitor, stage, alarms)
        dashboard = Dashboard(self, "Dashboard", stage=stage, workers=workers)
        CfnOutput(self, "EventBusName", value=str(stage.settings.event_bus))
        CfnOutput(self, "DashboardName", value=dashboard.dashboard_name)
