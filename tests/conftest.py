"""What holds for every tier: no network where none is needed, and no haste for examples."""

from __future__ import annotations

import gc
import io
import logging
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from hypothesis import HealthCheck, settings

from course_backfill.adapters.logs import RedactingFormatter, WorkFields

# How long an example may take says nothing about a rule.
settings.register_profile(
    "rules", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("rules")

# Each session of boto3 would read the same descriptions of AWS's services again.
botocore.session.create_loader = cache(botocore.session.create_loader)

# A shell has what it starts with & ignore Ctrl-C, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

WITHOUT_NETWORK = {"domain", "services"}


def pytest_sessionstart() -> None:
    """What is collected stays: looking for garbage in it is in vain, now and later."""
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits comes before what only computes, which fills the cores to the end.

    Otherwise the order stays random.
    """
    items.sort(key=lambda item: (_tier(item) in WITHOUT_NETWORK, _tier(item) != "features"))


def pytest_collection_finish() -> None:
    """From here on garbage is looked for, in what tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _tier_without_network(request: pytest.FixtureRequest) -> None:
    """Domain and service tests run on memory adapters: whoever opens a socket there fails."""
    if _tier(request.node) in WITHOUT_NETWORK:
        request.getfixturevalue("socket_disabled")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Whatever a test sets up of logging, as the commands do, ends with it."""
    root = logging.getLogger()
    handlers = list(root.handlers)
    known = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    levels = [(one, one.level) for one in (root, *known)]
    yield
    root.handlers[:] = handlers
    for one, level in levels:
        if one.level != level:
            one.setLevel(level)


@pytest.fixture
def written(_logging_as_before: None) -> io.StringIO:
    """All that is logged while the test runs, as it is written."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(WorkFields())
    handler.setFormatter(RedactingFormatter(serialize_stacktrace=False))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    return out


def _tier(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).parts[0]
