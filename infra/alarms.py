"""Alarms: made next to what they watch, told to one topic, each with its page to turn to."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from course_backfill.metrics import NAMESPACE, VALUES, Metric, Unit
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
        return self._add(
            scope,
            kind,
            alarm_name=f"{self._namespace}-{of}-{kind}",
            alarm_description=f"{says} What to do: {RUNBOOK}{kind}",
            metric=metric,
            threshold=above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def watch_beat(
        self, scope: Construct, kind: str, metric: cloudwatch.Metric, *, of: str, says: str
    ) -> cloudwatch.Alarm:
        """An alarm for when nothing at all was emitted for the metric within its period."""
        return self._add(
            scope,
            kind,
            alarm_name=f"{self._namespace}-{of}-{kind}",
            alarm_description=f"{says} What to do: {RUNBOOK}{kind}",
            metric=metric.with_(statistic=cloudwatch.Stats.SAMPLE_COUNT),
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )

    def _add(self, scope: Construct, kind: str, **properties: Any) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(scope, f"Alarm-{kind}", **properties)
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        return alarm


def in_five_minutes(
    metric: cloudwatch.Metric, statistic: str = cloudwatch.Stats.SUM
) -> cloudwatch.Metric:
    """The metric by periods of five minutes."""
    return metric.with_(period=Duration.minutes(MINUTES), statistic=statistic)


def own_metric(
    metric: Metric, namespace: str, service: str, *, by: str | None = None
) -> cloudwatch.Metric:
    """A metric of the product; `by`: the value of its dimension beside the common ones.

    Raises ValueError where it is to be given, and is not, or is no value of that dimension.
    """
    known = VALUES[metric.by] if metric.by else {None}
    if by not in known:
        raise ValueError(f"{metric.name} is not emitted with {metric.by} {by}")
    values = [one for one in (namespace, service, by) if one is not None]
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=metric.name,
        dimensions_map=dict(zip(metric.dimensions, values, strict=True)),
        statistic=statistic_of(metric),
        period=Duration.minutes(MINUTES),
    )


def statistic_of(metric: Metric) -> str:
    """What CloudWatch makes of its figures within a period."""
    if metric.is_gauge:
        return "Maximum"
    return "p99" if metric.unit is Unit.SECONDS else "Sum"
