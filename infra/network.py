"""The network of the functions: a VPC that is there, and what leads out of it.

All functions but the notifier are inside. Their security groups let them reach S3, DynamoDB and
the endpoints of other services, and those that read MongoDB reach it: nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Any, cast

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from course_backfill.messages import READS_MONGODB
from infra.grants import IN_NETWORK
from infra.stage import Stage

Rule = dict[str, str | int]
NOWHERE: Rule = {
    "CidrIp": "255.255.255.255/32",
    "Description": "Nothing beside the other rules",
    "IpProtocol": "icmp",
    "FromPort": 252,
    "ToPort": 86,
}
HTTPS = ec2.Port.tcp(443)


class Network(Construct):
    """Where functions run that are to reach MongoDB, and nobody outside."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage) -> None:
        """The stage has to have a VPC."""
        super().__init__(scope, id)
        given = stage.network
        self._vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=str(given.vpc_id),
            availability_zones=list(given.availability_zones),
            private_subnet_ids=list(given.subnet_ids),
            private_subnet_route_table_ids=list(given.route_table_ids),
        )
        aws = [_https(one) for one in given.prefix_lists]
        aws += [_tcp(one, 443, "Endpoints of AWS") for one in given.endpoint_networks]
        mongodb = [_tcp(one, given.mongodb_port, "MongoDB") for one in given.mongodb]
        self._endpoints = _group(self, "Endpoints", self._vpc, "Endpoints of AWS", [NOWHERE])
        self._workers = _group(self, "Workers", self._vpc, "Workers, the API", aws)
        self._readers = _group(
            self, "Readers", self._vpc, "Workers that read MongoDB", [*aws, *mongodb]
        )
        for group in (self._workers, self._readers):
            group.connections.allow_to(self._endpoints, HTTPS, "Endpoints of AWS")
        if given.endpoints:
            self._add_endpoints(stage)

    def of_function(self, name: str) -> dict[str, Any]:
        """What places a function: nothing for one that is not inside."""
        if name not in IN_NETWORK:
            return {}
        group = self._readers if name in READS_MONGODB else self._workers
        return {"vpc": self._vpc, "vpc_subnets": _PRIVATE, "security_groups": [group]}

    def _add_endpoints(self, stage: Stage) -> None:
        for name, gateway in _GATEWAYS.items():
            ec2.GatewayVpcEndpoint(self, name, vpc=self._vpc, service=gateway, subnets=[_PRIVATE])
        services = dict(_INTERFACES)
        if not any(one.role_arn for one in stage.settings.locations):
            del services["Sts"]
        for name, service in services.items():
            ec2.InterfaceVpcEndpoint(
                self,
                name,
                vpc=self._vpc,
                service=service,
                subnets=_PRIVATE,
                security_groups=[self._endpoints],
                open=False,
                private_dns_enabled=True,
            )


_PRIVATE = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
_GATEWAYS = {
    "S3": ec2.GatewayVpcEndpointAwsService.S3,
    "DynamoDb": ec2.GatewayVpcEndpointAwsService.DYNAMODB,
}
_INTERFACES = {
    "Sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
    "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "Sts": ec2.InterfaceVpcEndpointAwsService.STS,
}


def _https(prefix_list: str) -> Rule:
    return {
        "DestinationPrefixListId": prefix_list,
        "Description": "What the stage lists",
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
    }


def _tcp(network: IPv4Network, port: int, description: str) -> Rule:
    return {
        "CidrIp": str(network),
        "Description": description,
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
    }


def _group(
    scope: Construct, id: str, vpc: ec2.IVpc, description: str, egress: Sequence[Rule]
) -> ec2.SecurityGroup:
    made = ec2.SecurityGroup(scope, id, vpc=vpc, description=description, allow_all_outbound=False)
    # Inside the group itself: EC2 lets a group that has no rule of its own reach everything.
    cast(ec2.CfnSecurityGroup, made.node.default_child).add_property_override(
        "SecurityGroupEgress", list(egress)
    )
    return made
