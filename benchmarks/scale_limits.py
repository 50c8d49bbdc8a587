"""Limits that a large installation meets, computed: `python -m benchmarks.scale_limits`.

What AWS allows is as of June 2026; what a step takes is what `--only scale` measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.scale_facts import (
    AGGREGATING,
    BURYING,
    BYTES_PER_SECOND,
    CLOSING,
    COMPARING,
    COPYING,
    CORE,
    DEAD_LETTER_QUEUES,
    ENTRY_LINE,
    INGEST,
    LARGEST_DISK,
    LIST_SECONDS,
    LONGEST_TIMEOUT,
    MESSAGE,
    OBJECTS_PER_SECOND,
    OTHER_FUNCTIONS,
    OTHERS,
    PACKET,
    PACKET_SECONDS,
    PLANNING,
    READ_SECONDS,
    RESENT_EVERY,
    ROW,
    SMALL_CORE,
    SORTED,
    SOURCE_BYTES_PER_SECOND,
    TARGET,
    TEN_TIMES,
    TIMEOUT,
    TRANSACTION_SECONDS,
    USUAL_DISK,
    VERIFYING,
    WORK_LINE,
    Size,
)
from course_backfill.estimation.requests import LISTED_TOGETHER
from course_backfill.packets import MAX_PACKET_OBJECTS
from course_backfill.read_rate import share_bytes
from course_backfill.run_time import MARGIN_SECONDS
from course_backfill.stores.packets import PLANNED_TOGETHER
from course_backfill.stores.timers import PAGE, SHARDS


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
    yield from _function_limits()
    yield from _queue_limits()
    yield from _table_limits()
    yield from _source_limits()


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
            formula = f"({timeout} − {MARGIN_SECONDS:.0f}) s / {seconds:.0f} s for a million"
            yield f"Lambda's time: {name}", formula, (timeout - MARGIN_SECONDS) / seconds * million
    for name, each in (("planner, verifier", SORTED), ("aggregator", ENTRY_LINE)):
        for disk in (USUAL_DISK, LARGEST_DISK):
            yield f"Lambda's disk: {name}", f"{disk:,} MB / {each} bytes", disk * 1e6 / each
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


def _function_limits() -> Iterator[Limit]:
    """Of what works at the same time."""
    running = COPYING + VERIFYING + OTHERS * OTHER_FUNCTIONS + DEAD_LETTER_QUEUES * BURYING
    yield _at_both(
        "Lambda: functions at a time, account",
        f"{COPYING} + {VERIFYING} + {OTHER_FUNCTIONS} × {OTHERS}"
        f" + {DEAD_LETTER_QUEUES} × {BURYING}",
        lambda _: running,
        1_000,
        "",
    )
    yield _at_both(
        "Lambda: one packet",
        f"{MAX_PACKET_OBJECTS:,} / {OBJECTS_PER_SECOND} + 200 MiB / 60 MB/s",
        lambda _: PACKET_SECONDS,
        TIMEOUT,
        "s",
    )
    yield _at_both(
        "S3: writes, a prefix not yet split",
        f"{COPYING} × {OBJECTS_PER_SECOND}",
        lambda _: COPYING * OBJECTS_PER_SECOND,
        3_500,
        "/s",
    )
    yield _at_both(
        "S3: reads, a prefix not yet split",
        f"{VERIFYING} × {OBJECTS_PER_SECOND}",
        lambda _: VERIFYING * OBJECTS_PER_SECOND,
        5_500,
        "/s",
    )


def _queue_limits() -> Iterator[Limit]:
    """Of what waits."""
    yield _at_both(
        "SQS: messages in flight, a queue",
        "functions of the queue at a time",
        lambda _: VERIFYING,
        120_000,
        "",
    )
    yield _at_both(
        "SQS: retention, all started at once",
        "(objects / 200 + bytes / 60 MB/s) / 8",
        lambda one: one.copying_hours,
        14 * 24,
        "h",
    )
    yield _at_both(
        "janitor: watches due while all wait",
        f"courses × 3,600 / {RESENT_EVERY}; a sweep a minute takes {SHARDS} × {PAGE}",
        lambda one: one.courses * 3600 / RESENT_EVERY,
        SHARDS * PAGE * 60,
        "/h",
    )
    yield _at_both(
        "messages sent again while all wait",
        "packets × hours / 2 × 4, or what the sweeps can; 30 ms each",
        lambda one: _sent_again(one) * READ_SECONDS / 3600 / one.copying_hours,
        COPYING,
        "functions that copy",
    )


def _table_limits() -> Iterator[Limit]:
    """Of what is stored and reported."""
    yield _at_both(
        "DynamoDB: index of status, a partition",
        "ingests a second × 10 changes × 2 units",
        lambda one: one.courses / one.copying_hours / 3600 * 10 * 2,
        1_000,
        "units/s",
    )
    yield _at_both(
        "DynamoDB: rows of the report",
        f"courses × {ROW} / 8 KB / the seconds below",
        lambda one: one.courses * ROW / 8192 / _report_seconds(one),
        3_000,
        "units/s",
    )
    yield _at_both(
        "API: first page of the report",
        "courses × 260 µs of a core + a query of 10 ms for each 500",
        _report_seconds,
        29,
        "s",
    )


def _source_limits() -> Iterator[Limit]:
    """Of what is read."""
    yield _at_both(
        "MongoDB: bytes, without a limit",
        "8 × 60 MB/s, while large files are copied; assumed is what it may be read with",
        lambda _: COPYING * BYTES_PER_SECOND / 1e6,
        SOURCE_BYTES_PER_SECOND / 1e6,
        "MB/s",
    )
    yield _at_both(
        "MongoDB: shares of a limit, from one item",
        "200 MB/s / 8 MiB; one after the other, a read and a write of 10 ms each",
        lambda _: SOURCE_BYTES_PER_SECOND / share_bytes(int(SOURCE_BYTES_PER_SECOND)),
        1 / (2 * TRANSACTION_SECONDS),
        "/s",
    )
    yield _at_both(
        "discovery: one round, an hour apart",
        f"objects × {CLOSING} s / 1,000,000, one after the other",
        lambda one: one.objects * CLOSING / 1e6 / 3600,
        1,
        "h",
    )
    yield _at_both(
        "S3: listing all of a location once",
        f"objects / {LISTED_TOGETHER:,} × {LIST_SECONDS} s / {VERIFYING}",
        lambda one: one.objects / LISTED_TOGETHER * LIST_SECONDS / VERIFYING / 3600,
        TARGET.copying_hours,
        "h",
    )


def _at_both(
    of: str, formula: str, needed: Callable[[Size], float], allowed: float, unit: str
) -> Limit:
    return Limit(of, formula, (needed(TARGET), needed(TEN_TIMES)), allowed, unit)


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
