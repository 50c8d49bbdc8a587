"""What contract tests share: an embedded AWS over HTTP, and course sources, one for a whole run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.local.embedded_aws.server import running_embedded_aws
from course_backfill.settings import Settings
from tests.contracts.several_locations import (  # noqa: F401  # Fixtures, found by their names.
    refused_role,
    several,
    several_clients,
)
from tests.contracts.source_fixtures import (  # noqa: F401  # Fixtures, found by their names.
    database,
    memory_store,
    mongodb,
    mongodb_store,
    rated_store,
    store,
)
from tests.contracts.vaults import Vault


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    """The URL of an AWS of this run's own."""
    with running_embedded_aws() as url:
        yield url


@pytest.fixture
def aws_settings(aws_endpoint: str) -> Settings:
    """Settings of an installation of this test's own; nothing is set up yet."""
    return Settings(
        aws_endpoint_url=aws_endpoint,
        aws_region="eu-west-1",
        namespace=f"test-{uuid.uuid4().hex[:12]}",
    )


@pytest.fixture
def aws_clients(aws_settings: Settings) -> AwsClients:
    """Clients of that AWS."""
    return AwsClients.connect(aws_settings)


@pytest.fixture
def vault(aws_settings: Settings) -> Vault:
    """A Secrets Manager with a secret of this test's own."""
    return Vault(aws_settings)
