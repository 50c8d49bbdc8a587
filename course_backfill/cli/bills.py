"""How an estimate is told: in one line, or as a bill with the formula behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from course_backfill.cli.api_client import Document
from course_backfill.cli.printing import (
    courses,
    duration,
    number,
    objects,
    print_table,
    say,
    size,
    workers,
)
from course_backfill.cold.estimates import money
from course_backfill.estimation.estimates import CostLine, Estimate
from course_backfill.estimation.estimator import MICROS_OF_CENT
from course_backfill.estimation.formula import FORMULA

ROUNDED = "Each cost is rounded up to a cent: lines may add up to more than the whole."


def in_short(found: Estimate) -> str:
    """`about 2 h 5 min with 20 workers; 12.50 USD, then 1.20 USD a month`."""
    once = _cost(found.once_micros, found)
    monthly = f", then {_cost(found.monthly_micros, found)} a month" if found.monthly_micros else ""
    return f"about {duration(found.seconds)} with {workers(found.workers)}; {once}{monthly}"


def print_bill(found: Estimate) -> None:
    """What is to be moved, and what that takes."""
    work = found.workload
    say(f"{courses(work.courses)}, {objects(work.objects)}, {size(work.bytes)}", style="bold")
    say(f"It takes {in_short(found)}.")


def not_in_the_bill(reports: Iterable[Document]) -> Iterator[str]:
    """A sentence for each reason why courses are counted without all, or any, of their cost."""
    known = list(reports)
    damaged = sum(bool(one["toRepair"]) for one in known)
    whole = [one for one in known if not one["toRepair"]]
    unchanged = sum(one["unchanged"] for one in whole)
    empty = sum(not one["objects"] and not one["unchanged"] for one in whole)
    if damaged:
        yield (
            f"With damaged copies: {courses(damaged)}; the next start only mends them, which is "
            "not in this bill. Then start again."
        )
    if unchanged:
        yield f"With nothing to do: {courses(unchanged)}, there already."
    if empty:
        yield f"Without files: {courses(empty)}, nothing to copy."


def print_lines(found: Estimate) -> None:
    """Every line of the bill, and how it is calculated."""
    print_table(
        ["What", "Where", "Quantity", "Cost", ""],
        [_row(line, found) for line in found.lines],
        numbers=["Quantity", "Cost"],
    )
    say(ROUNDED)
    spent = (
        f"of all workers {duration(found.copying_millis / 1000)} copying and reading back, "
        f"{duration(found.listing_millis / 1000)} listing; "
        f"MongoDB read for {duration(found.source_millis / 1000)}"
    )
    say(f"Time: {spent}")
    say("")
    say(FORMULA.rstrip())


def _row(line: CostLine, found: Estimate) -> list[str]:
    is_size = line.unit == "bytes"
    quantity = size(line.quantity) if is_size else f"{number(line.quantity)} {line.unit}"
    period = "a month" if line.is_monthly else ""
    return [line.item, line.location or "", quantity, _cost(line.cost_micros, found), period]


def _cost(micros: int, found: Estimate) -> str:
    """Rounded up to cents."""
    return money(-(-micros // MICROS_OF_CENT), found.currency)
