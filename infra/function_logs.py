"""The logs of the functions: kept beside the tables, so that the pipeline can be made again.

A group that outlived the stack it is made in would keep the next one, of the same name, from being
made.
"""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.stage import FUNCTIONS, Stage


def keep_logs(scope: Construct, stage: Stage) -> None:
    """Makes the group of each function."""
    for name in FUNCTIONS:
        logs.LogGroup(
            scope,
            f"Log-{name}",
            log_group_name=_name(stage, name),
            retention=retention(stage.log_retention_days),
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )


def log_of(scope: Construct, id: str, stage: Stage, function: str) -> logs.ILogGroup:
    """The group of a function, from another stack."""
    return logs.LogGroup.from_log_group_name(scope, id, _name(stage, function))


def retention(days: int) -> logs.RetentionDays:
    """How long a log is kept, as the CDK says it; `days` is one of a stage's."""
    named = {
        7: logs.RetentionDays.ONE_WEEK,
        14: logs.RetentionDays.TWO_WEEKS,
        30: logs.RetentionDays.ONE_MONTH,
        90: logs.RetentionDays.THREE_MONTHS,
        180: logs.RetentionDays.SIX_MONTHS,
        365: logs.RetentionDays.ONE_YEAR,
        731: logs.RetentionDays.TWO_YEARS,
    }
    return named[days]


def _name(stage: Stage, function: str) -> str:
    return f"/aws/lambda/{stage.function_name(function)}"
