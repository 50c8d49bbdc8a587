"""What has to fit together within the parts of a stage's file, and between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil

from course_backfill.errors import Problem
from course_backfill.locations import Location
from course_backfill.packets import MAX_PACKET_BYTES
from course_backfill.run_time import MARGIN_SECONDS
from course_backfill.settings import Settings
from infra.environment import LARGEST, environment, size_of
from infra.regions import known_region
from infra.stage_parts import Client, FunctionLimits

NOT_IN_DOMAINS = ("amazon", "aws", "cognito")
"""Words that Cognito keeps for itself."""

READING_SLACK = 1.25
"""A run does more than to read, and some get less of the rate than others: without any, every third
is late by a little, and has read its packet for nothing."""


def of_clients(clients: Sequence[Client]) -> Iterator[Problem]:
    """There is one at least, and each has a name of its own."""
    if not clients:
        yield Problem("clients", "is not set: nobody could ask the API for anything")
    for name, times in sorted(Counter(one.name for one in clients).items()):
        if times > 1:
            yield Problem(
                "clients", f"expected names of their own, and {name!r} is there {times} times"
            )


def of_settings(settings: Settings) -> Iterator[Problem]:
    """Functions can hold them, and Cognito has a domain of that name."""
    size = size_of(environment(settings))
    if size > LARGEST:
        yield Problem(
            "settings", f"come to {size} bytes, and a function's environment holds {LARGEST}"
        )
    yield from of_namespace(settings.namespace)


def of_namespace(namespace: str) -> Iterator[Problem]:
    """The host of the token URL begins with it."""
    for word in NOT_IN_DOMAINS:
        if word in namespace:
            yield Problem(
                "settings.namespace",
                f"expected a name without {word!r}: Cognito has no such domain for tokens",
            )


def of_locations(locations: Sequence[Location]) -> Iterator[Problem]:
    """Their regions are AWS's, but for those in another store."""
    for number, location in enumerate(locations, 1):
        if location.region is None or location.endpoint_url is not None:
            continue
        try:
            known_region(location.region)
        except ValueError as error:
            yield Problem(f"settings.locations item {number} region", str(error))


def of_reading(settings: Settings, limits: FunctionLimits) -> Iterator[Problem]:
    """Functions that share the read rate have each read a packet before their run is over: what is
    not read by then is read again from the beginning."""
    rate, functions = settings.source_bytes_per_second, limits.at_once_of("replicator")
    least = least_read_rate(limits)
    if rate is not None and rate < least:
        yield Problem(
            "settings.source_bytes_per_second",
            f"expected {least} or more: {functions} functions that copy share it, and each has "
            f"{_reading_seconds(limits):.0f} s for a packet of {MAX_PACKET_BYTES} bytes, some of "
            "them to spare. Or fewer functions (functions.at_once.replicator, 2 at least), or more "
            "time (functions.timeout_seconds)",
        )


def least_read_rate(limits: FunctionLimits) -> int:
    """Bytes a second at which all functions that copy read a packet each, and are in time."""
    functions = limits.at_once_of("replicator")
    return ceil(READING_SLACK * functions * MAX_PACKET_BYTES / _reading_seconds(limits))


def of_sweeps(settings: Settings, limits: FunctionLimits) -> Iterator[Problem]:
    """Sweeps behind late writers come when no run that began before can go on."""
    longest = limits.timeout_seconds
    if settings.resweep_seconds[0] < 2 * longest:
        yield Problem(
            "settings.resweep_seconds",
            f"expected {2 * longest} or more first: twice functions.timeout_seconds",
        )


def _reading_seconds(limits: FunctionLimits) -> float:
    return limits.timeout_seconds - MARGIN_SECONDS
