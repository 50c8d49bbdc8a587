"""A function of the installation: its code, its log, its role with its grants and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import Acknowledgment, Duration, Size, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.alarms import Alarms, in_five_minutes
from infra.environment import environment
from infra.function_logs import log_of
from infra.grants import SENDS, Grant, grants_of
from infra.network import Network
from infra.packaging import ARCHITECTURE, RUNTIME
from infra.stage import Stage

ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}


class Function(lambda_.Function):
    """Runs `services.{service}.handler.lambda_handler` with the settings of the stage."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        name: str,
        code: Path,
        timeout: Duration,
        network: Network | None,
        alarms: Alarms,
    ) -> None:
        """`name` is one of FUNCTIONS."""
        full_name = stage.function_name(name)
        role = GrantedRole(scope, f"{id}Role", stage=stage, function=name)
        super().__init__(
            scope,
            id,
            function_name=full_name,
            code=lambda_.Code.from_asset(str(code)),
            handler=f"services.{name.replace('-', '_')}.handler.lambda_handler",
            runtime=lambda_.Runtime(RUNTIME, lambda_.RuntimeFamily.PYTHON),
            architecture=ARCHITECTURES[ARCHITECTURE],
            memory_size=stage.functions.memory_of(name),
            ephemeral_storage_size=Size.mebibytes(stage.functions.disk_of(name)),
            timeout=timeout,
            recursive_loop=_recursive_loop(name),
            environment=environment(stage.settings),
            log_group=log_of(scope, f"{id}Log", stage, name),
            # What constructs would add by themselves is in the table of grants, or not at all.
            role=role.without_policy_updates(),
            **_inside(network, name),
        )
        Validations.of(self).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-L1",
                reason=f"{RUNTIME} is the newest that the handlers have been run on; the next one "
                "is tried first and then chosen: docs/adr/0021-the-lambda-package.md.",
            )
        )
        self._watch(name, alarms)

    def _watch(self, name: str, alarms: Alarms) -> None:
        alarms.watch(
            self,
            "errors",
            in_five_minutes(self.metric_errors()),
            of=name,
            says=f"The {name} fails: runs ended with an error, ran out of time or of memory.",
            periods=2,
        )
        alarms.watch(
            self,
            "throttles",
            in_five_minutes(self.metric_throttles()),
            of=name,
            says=f"The {name} is not let run as often as it is wanted.",
            periods=3,
        )


class GrantedRole(iam.Role):
    """A function's role: its grants as they stand in the table."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, function: str) -> None:
        grants = grants_of(stage, function)
        super().__init__(
            scope,
            id,
            # By name, so that owners of other accounts can trust it before it is made.
            role_name=stage.function_name(function),
            description=f"What the {function} may do",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={
                "Grants": iam.PolicyDocument(statements=[_statement(one) for one in grants])
            },
        )
        for grant in grants:
            _acknowledge(self, grant)


def _statement(grant: Grant) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=grant.name,
        actions=list(grant.actions),
        resources=list(grant.resources),
        conditions=dict(grant.when),
    )


def _acknowledge(role: iam.Role, grant: Grant) -> None:
    """Resources that are many are meant, and the grant says why."""
    many = [resource for resource in grant.resources if "*" in resource]
    if not many:
        return
    Validations.of(role).acknowledge(
        *(
            Acknowledgment(id=f"AwsSolutions::AwsSolutions-IAM5[Resource::{one}]", reason=grant.why)
            for one in many
        )
    )


def _recursive_loop(name: str) -> lambda_.RecursiveLoop:
    """Lambda gives up a message by default whose chain led to the function sixteen times. Those who
    send to themselves mean to, as a long discovery does, and bound it by what is done."""
    is_meant = name in SENDS[name]
    return lambda_.RecursiveLoop.ALLOW if is_meant else lambda_.RecursiveLoop.TERMINATE


def _inside(network: Network | None, name: str) -> dict[str, Any]:
    return network.of_function(name) if network else {}
