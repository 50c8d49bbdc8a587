"""What tests of services share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def small_packets() -> Iterator[None]:
    """So that a course of few files has several packets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("course_backfill.packets.MAX_PACKET_OBJECTS", 3)
        yield
