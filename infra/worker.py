"""A worker: a queue, the queue of its dead letters, and the function that takes from it."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from course_backfill.metrics import ERRORS
from course_backfill.resources import MAX_RECEIVES, RETENTION_SECONDS, Queue
from infra.alarms import MINUTES, Alarms, in_five_minutes, own_metric
from infra.function import Function
from infra.network import Network
from infra.stage import Stage

OLDEST_MESSAGE_MINUTES = 60
"""A message that waits longer has workers that do not come on: each is done in minutes."""


ONE_ALL_THE_TIME = 0.9
"""On average over a period: those that are taken in are there for seconds."""


class Worker(Construct):
    """One service of the pipeline, as `Resources` names it; with alarms for what can go wrong."""

    def __init__(
        self,
        scope: Construct,
        queue: Queue,
        *,
        stage: Stage,
        code: Path,
        network: Network | None,
        alarms: Alarms,
    ) -> None:
        super().__init__(scope, queue.service.capitalize())
        self.service = queue.service
        self.dead_letters = _queue(self, "DeadLetters", queue.dead_letters, queue)
        self.queue = _queue(
            self,
            "Queue",
            queue.name,
            queue,
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=MAX_RECEIVES
            ),
        )
        self.function = Function(
            self,
            "Function",
            stage=stage,
            name=queue.service,
            code=code,
            timeout=Duration.seconds(stage.functions.timeout_seconds),
            network=network,
            alarms=alarms,
        )
        self.takes("Messages", self.queue, at_once=stage.functions.at_once_of(queue.service))
        self._watch(alarms, stage.settings.namespace)

    def takes(self, id: str, queue: sqs.Queue, *, at_once: int) -> lambda_.EventSourceMapping:
        """Has the function take from a queue: one message a run, so that none waits for another."""
        return lambda_.EventSourceMapping(
            self,
            id,
            target=self.function,
            event_source_arn=queue.queue_arn,
            batch_size=1,
            max_concurrency=at_once,
            report_batch_item_failures=True,
        )

    def _watch(self, alarms: Alarms, namespace: str) -> None:
        alarms.watch(
            self,
            "failing-messages",
            own_metric(ERRORS, namespace, self.service),
            of=self.service,
            says=f"Messages of the {self.service} fail, and are tried again.",
            periods=3,
        )
        # What SQS itself moves there counts as not sent, and the janitor takes it at once: that it
        # was received is what shows.
        alarms.watch(
            self,
            "dead-letters",
            in_five_minutes(self.dead_letters.metric_number_of_messages_received()),
            of=self.service,
            says=f"The {self.service} gave messages up: their ingests end as failed.",
        )
        alarms.watch(
            self,
            "unburied-dead-letters",
            # One that the janitor takes and cannot bury is hidden until it takes it again.
            cloudwatch.MathExpression(
                expression="waiting + taken",
                using_metrics={
                    "waiting": _usual(
                        self.dead_letters.metric_approximate_number_of_messages_visible()
                    ),
                    "taken": _usual(
                        self.dead_letters.metric_approximate_number_of_messages_not_visible()
                    ),
                },
                label="Dead letters",
                period=Duration.minutes(MINUTES),
            ),
            of=self.service,
            says=f"Dead letters of the {self.service} wait, and the janitor does not take them in.",
            above=ONE_ALL_THE_TIME,
            periods=3,
        )
        alarms.watch(
            self,
            "oldest-message",
            in_five_minutes(
                self.queue.metric_approximate_age_of_oldest_message(), cloudwatch.Stats.MAXIMUM
            ),
            of=self.service,
            says=f"Messages to the {self.service} wait for more than an hour.",
            above=OLDEST_MESSAGE_MINUTES * 60,
            periods=3,
        )


def _usual(metric: cloudwatch.Metric) -> cloudwatch.Metric:
    return in_five_minutes(metric, cloudwatch.Stats.AVERAGE)


def _queue(
    scope: Construct,
    id: str,
    name: str,
    queue: Queue,
    *,
    dead_letter_queue: sqs.DeadLetterQueue | None = None,
) -> sqs.Queue:
    return sqs.Queue(
        scope,
        id,
        queue_name=name,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.seconds(RETENTION_SECONDS),
        visibility_timeout=Duration.seconds(queue.visibility_seconds),
        dead_letter_queue=dead_letter_queue,
    )
