"""An installation of several locations, and an AWS that refuses their roles."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.locations import Location
from course_backfill.settings import Settings

ROLE = "arn:aws:iam::210987654321:role/archive"


@pytest.fixture
def several(aws_settings: Settings) -> Settings:
    """A primary at home, a copy beside it, and an archive in another region, by another role."""
    name = aws_settings.namespace
    return Settings(
        aws_endpoint_url=aws_settings.aws_endpoint_url,
        aws_region="eu-west-1",
        namespace=name,
        locations=(
            Location(bucket=f"{name}-primary"),
            Location(id="beside", bucket=f"{name}-primary", prefix="beside/"),
            Location(id="far", bucket=f"{name}-far", region="eu-central-1"),
            Location(
                id="archive",
                bucket=f"{name}-archive",
                region="eu-central-1",
                role_arn=ROLE,
                storage_class="DEEP_ARCHIVE",
                required=False,
            ),
        ),
    )


@pytest.fixture
def several_clients(several: Settings) -> AwsClients:
    return AwsClients.connect(several)


@pytest.fixture
def refused_role(aws_endpoint: str) -> Iterator[None]:
    """AWS refuses every role."""
    fault = {"service": "sts", "operation": "AssumeRole", "times": 1000, "status": 403}
    order(aws_endpoint, "POST", fault | {"code": "AccessDenied"})
    yield
    order(aws_endpoint, "DELETE", None)


def order(endpoint: str, method: str, document: dict[str, Any] | None) -> None:
    """Tells the embedded AWS how to fail; DELETE ends it."""
    request = urllib.request.Request(  # noqa: S310 - A server of these tests.
        f"{endpoint}/_faults",
        data=json.dumps(document).encode() if document else None,
        headers={"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request):  # noqa: S310 - The same.
        pass
