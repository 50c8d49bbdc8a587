"""Alarms: made next to what they watch, told to one topic, each with its page to turn to."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from course_backfill.metrics import NAMESPACE, Metric, Unit
from infra.stage import Stage

MINUTES = 5
RUNBOOK = "docs/operations.md#alarm-"


class Alarms(Construct):
    """The topic that alarms go to, and the one way to make an alarm."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage) -> None:
        super().__init__(scope, id)
        self._namespace = stage.settings.namespace
        # CloudWatch cannot publish to a topic that is encrypted with the key of SNS itself.
        key = kms.Key(self, "Key", enable_key_rotation=True, description="Encrypts alarms")
        cloudwatch_itself = iam.ServicePrincipal(
            "cloudwatch.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": stage.account}},
        )
        key.grant_encrypt_decrypt(cloudwatch_itself)
        self.topic = sns.Topic(
            self,
            "Topic",
            topic_name=f"{self._namespace}-alarms",
            master_key=key,
            enforce_ssl=True,
        )
        self.topic.grant_publish(cloudwatch_itself)
        if stage.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email))

    def watch(
        self,
        scope: Construct,
        kind: str,
        metric: cloudwatch.IMetric,
        *,
        of: str,
        says: str,
        above: float = 0,
        periods: int = 1,
    ) -> cloudwatch.Alarm:
        """An alarm for when the metric is above the bound for so many periods in a row.

        `kind` is its section of the runbook, `of` what is watched, `says` what it means.
        """
        alarm = cloudwatch.Alarm(
            scope,
            f"Alarm-{kind}",
            alarm_name=f"{self._namespace}-{of}-{kind}",
            alarm_description=f"{says} What to do: {RUNBOOK}{kind}",
            metric=metric,
            threshold=above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        return alarm


def in_five_minutes(
    metric: cloudwatch.Metric, statistic: str = cloudwatch.Stats.SUM
) -> cloudwatch.Metric:
    """The metric by periods of five minutes."""
    return metric.with_(period=Duration.minutes(MINUTES), statistic=statistic)


def own_metric(metric: Metric, namespace: str, service: str) -> cloudwatch.Metric:
    """A metric of the product that has no dimension beside the common ones."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=metric.name,
        dimensions_map={"namespace": namespace, "service": service},
        statistic=statistic_of(metric),
        period=Duration.minutes(MINUTES),
    )


def statistic_of(metric: Metric) -> str:
    """What CloudWatch makes of its figures within a period."""
    if metric.is_gauge:
        return "Maximum"
    return "p99" if metric.unit is Unit.SECONDS else "Sum"
