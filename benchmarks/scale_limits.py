"""Limits that a large installation meets, computed: `python -m benchmarks.scale_limits`.

What AWS allows is as of June 2026; what a step takes is what `--only scale` measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from course_backfill.estimation.requests import LISTED_TOGETHER
from course_backfill.packets import MAX_PACKET_BYTES, MAX_PACKET_OBJECTS
from course_backfill.run_time import MARGIN_SECONDS
from course_backfill.stores.packets import PLANNED_TOGETHER
from course_backfill.stores.timers import PAGE, SHARDS

COPYING, VERIFYING, OTHERS, OTHER_FUNCTIONS = 8, 16, 4, 6
"""Functions at a time, by the stages' defaults."""
TIMEOUT, LONGEST_TIMEOUT = 300, 900
CORE, SMALL_CORE = 1.0, 1_024 / 1_769
"""Processors of a function that hashes, and of any other."""
OBJECTS_PER_SECOND, BYTES_PER_SECOND, SOURCE_BYTES_PER_SECOND = 200, 60e6, 200e6
PLANNING, COMPARING, CLOSING, AGGREGATING = 123, 30, 81, 31
"""Seconds for a million objects, on this machine."""
WORK_LINE, ENTRY_LINE, RESULT_LINE = 722, 926, 955
"""Bytes of an object in work and manifest files, its name having 44."""
SORTED = 660 + 6 * 44
"""Bytes of temporary disk for an object: docs/operations.md, Temporary disk."""
INGEST, PACKET, ROW, MESSAGE = 1_819, 461, 378, 111
"""Bytes of items, and of a message."""
READ_SECONDS, LIST_SECONDS, TRANSACTION_SECONDS = 0.03, 0.15, 0.010
"""Of one request to S3 or DynamoDB: assumed."""
RESENT_EVERY = 900


@dataclass(frozen=True, slots=True)
class Size:
    """How large an installation is."""

    courses: int
    objects: int
    bytes: float

    @property
    def packets(self) -> int:
        """In each location."""
        return (
            self.objects // MAX_PACKET_OBJECTS + int(self.bytes) // MAX_PACKET_BYTES + self.courses
        )

    @property
    def copying_hours(self) -> float:
        """Until all is copied, by as many as stages have by default."""
        seconds = self.objects / OBJECTS_PER_SECOND + self.bytes / BYTES_PER_SECOND
        return seconds / COPYING / 3600


TARGET = Size(5_000, 50_000_000, 1e12)
TEN_TIMES = Size(50_000, 500_000_000, 1e13)


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: what is needed of it by formula, at both sizes, and what there is."""

    of: str
    formula: str
    needed: tuple[float, float]
    allowed: float
    unit: str = ""

    @property
    def verdicts(self) -> tuple[str, str]:
        """For each size: far, near (more than half of it) or over."""
        return _verdict(self.needed[0] / self.allowed), _verdict(self.needed[1] / self.allowed)


def limits() -> Iterator[Limit]:
    """Those that grow with the installation."""
    both = (TARGET, TEN_TIMES)

    def at_both(of: str, formula: str, needed: list[float], allowed: float, unit: str) -> Limit:
        return Limit(of, formula, (needed[0], needed[1]), allowed, unit)

    running = COPYING + VERIFYING + OTHERS * OTHER_FUNCTIONS
    yield at_both(
        "Lambda: functions at a time, account",
        f"{COPYING} + {VERIFYING} + {OTHER_FUNCTIONS} × {OTHERS}",
        [running for _ in both],
        1_000,
        "",
    )
    yield at_both(
        "Lambda: one packet",
        f"{MAX_PACKET_OBJECTS:,} / {OBJECTS_PER_SECOND} + 200 MiB / 60 MB/s",
        [_packet_seconds() for _ in both],
        TIMEOUT,
        "s",
    )
    yield at_both(
        "SQS: messages in flight, a queue",
        "functions of the queue at a time",
        [VERIFYING for _ in both],
        120_000,
        "",
    )
    yield at_both(
        "SQS: retention, all started at once",
        "(objects / 200 + bytes / 60 MB/s) / 8",
        [one.copying_hours for one in both],
        14 * 24,
        "h",
    )
    yield at_both(
        "S3: writes, a prefix not yet split",
        f"{COPYING} × {OBJECTS_PER_SECOND}",
        [COPYING * OBJECTS_PER_SECOND for _ in both],
        3_500,
        "/s",
    )
    yield at_both(
        "S3: reads, a prefix not yet split",
        f"{VERIFYING} × {OBJECTS_PER_SECOND}",
        [VERIFYING * OBJECTS_PER_SECOND for _ in both],
        5_500,
        "/s",
    )
    yield at_both(
        "janitor: watches due while all wait",
        f"courses × 3,600 / {RESENT_EVERY}; a sweep a minute takes {SHARDS} × {PAGE}",
        [one.courses * 3600 / RESENT_EVERY for one in both],
        SHARDS * PAGE * 60,
        "/h",
    )
    yield at_both(
        "messages sent again while all wait",
        "packets × hours / 2 × 4, or what the sweeps can; 30 ms each",
        [_sent_again(one) * READ_SECONDS / 3600 / one.copying_hours for one in both],
        COPYING,
        "functions that copy",
    )
    yield at_both(
        "DynamoDB: index of status, a partition",
        "ingests a second × 10 changes × 2 units",
        [one.courses / one.copying_hours / 3600 * 10 * 2 for one in both],
        1_000,
        "units/s",
    )
    yield at_both(
        "DynamoDB: rows of the report",
        f"courses × {ROW} / 8 KB / the seconds below",
        [one.courses * ROW / 8192 / _report_seconds(one) for one in both],
        3_000,
        "units/s",
    )
    yield at_both(
        "API: first page of the report",
        "courses × 260 µs of a core + a query of 10 ms for each 500",
        [_report_seconds(one) for one in both],
        29,
        "s",
    )
    yield at_both(
        "MongoDB: bytes, read once",
        "8 × 60 MB/s, while large files are copied; assumed is what it may be read with",
        [COPYING * BYTES_PER_SECOND / 1e6 for _ in both],
        SOURCE_BYTES_PER_SECOND / 1e6,
        "MB/s",
    )
    yield at_both(
        "discovery: one round, an hour apart",
        f"objects × {CLOSING} s / 1,000,000, one after the other",
        [one.objects * CLOSING / 1e6 / 3600 for one in both],
        1,
        "h",
    )
    yield at_both(
        "S3: listing all of a location once",
        f"objects / {LISTED_TOGETHER:,} × {LIST_SECONDS} s / {VERIFYING}",
        [one.objects / LISTED_TOGETHER * LIST_SECONDS / VERIFYING / 3600 for one in both],
        both[0].copying_hours,
        "h",
    )


def course_limits() -> Iterator[tuple[str, str, float]]:
    """Of one course: what limits it, by which formula, and the most objects that allows."""
    million = 1e6
    plan = PLANNING / SMALL_CORE + 2 * WORK_LINE * million / 75e6
    packets = million / MAX_PACKET_OBJECTS
    conclude = (COMPARING + CLOSING) / CORE
    conclude += million / LISTED_TOGETHER * LIST_SECONDS + 3 * packets * READ_SECONDS
    aggregate = AGGREGATING / SMALL_CORE + packets * READ_SECONDS + 2 * ENTRY_LINE * million / 75e6
    for name, seconds in (
        ("planner", plan),
        ("verifier, concluding", conclude),
        ("aggregator", aggregate),
    ):
        for timeout in (TIMEOUT, LONGEST_TIMEOUT):
            run = timeout - MARGIN_SECONDS
            formula = f"({timeout} − {MARGIN_SECONDS:.0f}) s / {seconds:.0f} s for a million"
            yield f"Lambda's time: {name}", formula, run / seconds * million
    for name, each in (("planner, verifier", SORTED), ("aggregator", ENTRY_LINE)):
        yield f"Lambda's disk: {name}", f"512 MB / {each} bytes", 512e6 / each
        yield f"Lambda's disk: {name}", f"10,240 MB / {each} bytes", 10_240e6 / each
    yield "the work bucket's files", f"10,000 × 8 MiB / {WORK_LINE}", 1e4 * 8 * 2**20 / WORK_LINE


def worker_limits() -> Iterator[tuple[str, str, float]]:
    """Of one course: how many may work on it at a time, all stages together."""
    packet = MAX_PACKET_OBJECTS / OBJECTS_PER_SECOND
    units = (2 * (4 + 2) + 2) / packet + 6 / 5
    yield "write units of its partition", f"1,000 / {units:.1f} units/s", 1_000 / units
    rate = 2 / packet + 1 / 5
    yield (
        "transactions that name its INGEST item, one after the other",
        f"1 / ({rate:.1f}/s × {TRANSACTION_SECONDS * 1000:.0f} ms)",
        1 / (rate * TRANSACTION_SECONDS),
    )


def sizes() -> Iterator[tuple[str, str, float, float, str]]:
    """What has a size that AWS bounds, whatever the installation has."""
    yield "largest item (INGEST)", "measured", INGEST, 400 * 1024, "bytes"
    yield "items of a transaction", f"{PLANNED_TOGETHER} packets + 1", PLANNED_TOGETHER + 1, 100, ""
    bytes_together = PLANNED_TOGETHER * PACKET
    yield "bytes of a transaction", f"{PLANNED_TOGETHER} × {PACKET}", bytes_together, 4e6, "bytes"
    yield "SQS message", "ids and names of a step", MESSAGE, 2**20, "bytes"


def markdown() -> str:
    """All tables as the documentation has them."""
    rows = [
        "| limit | formula | 1 TB | ten times | allowed | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for one in limits():
        first, second = one.verdicts
        verdict = first if first == second else f"{first}, then {second}"
        needed = " | ".join(f"{_short(amount)}" for amount in one.needed)
        allowed = f"{_short(one.allowed)} {one.unit}".strip()
        rows.append(f"| {one.of} | {one.formula} | {needed} | {allowed} | {verdict} |")
    rows += ["", "| of one course | formula | objects at most |", "|---|---|---|"]
    rows += [f"| {of} | {formula} | {_short(most)} |" for of, formula, most in course_limits()]
    rows += ["", "| of one course | formula | workers at most |", "|---|---|---|"]
    rows += [f"| {of} | {formula} | {_short(most)} |" for of, formula, most in worker_limits()]
    rows += ["", "| size | formula | is | allowed |", "|---|---|---|---|"]
    rows += [
        f"| {of} | {formula} | {_short(amount)} | {f'{_short(most)} {unit}'.strip()} |"
        for of, formula, amount, most, unit in sizes()
    ]
    return "\n".join(rows) + "\n"


def _packet_seconds() -> float:
    return MAX_PACKET_OBJECTS / OBJECTS_PER_SECOND + MAX_PACKET_BYTES / BYTES_PER_SECOND


def _report_seconds(size: Size) -> float:
    return size.courses * (260e-6 + TRANSACTION_SECONDS / 500)


def _sent_again(size: Size) -> float:
    """Until the last one is copied: half of all packets wait on average."""
    wished = size.packets * size.copying_hours / 2 * 3600 / RESENT_EVERY
    each = size.packets / size.courses
    return min(wished, SHARDS * PAGE * 60 * size.copying_hours * each)


def _verdict(share: float) -> str:
    if share > 1:
        return "**over**"
    return "near" if share > 0.5 else "far"


def _short(amount: float) -> str:
    if amount >= 1e6:
        return f"{amount / 1e6:,.2f} M" if amount < 1e7 else f"{amount / 1e6:,.0f} M"
    return f"{amount:,.0f}" if amount >= 10 else f"{amount:.2g}"


if __name__ == "__main__":
    print(markdown(), end="")
