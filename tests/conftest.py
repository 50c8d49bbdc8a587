"""What holds for every tier: no network where none is needed, and no haste for examples."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

# How long an example may take says nothing about a rule.
settings.register_profile(
    "rules", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("rules")

# A shell has what it starts with & ignore Ctrl-C, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

WITHOUT_NETWORK = {"domain", "services"}


@pytest.fixture(autouse=True)
def _tier_without_network(request: pytest.FixtureRequest) -> None:
    """Domain and service tests run on memory adapters: whoever opens a socket there fails."""
    if request.path.parent.name in WITHOUT_NETWORK:
        request.getfixturevalue("socket_disabled")
