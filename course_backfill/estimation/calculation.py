"""Calculates time and money of a workload on its way; in words that is `formula.py`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from course_backfill.cold.estimates import GIGABYTE, MICROS
from course_backfill.estimation import requests
from course_backfill.estimation.estimates import CostLine, Estimate, Workload
from course_backfill.estimation.plans import EstimatePlan
from course_backfill.estimation.rates import Rates
from course_backfill.estimation.service_prices import ServicePrices
from course_backfill.packets import MAX_PACKET_BYTES, MAX_PACKET_OBJECTS

RENEWED_EVERY = 5
"""Seconds between two signs of life of a claim, as long as a packet is in hand."""
WRITE_UNITS = {"puts": 6, "updates": 2, "checks": 4, "deletes": 3}
"""Of DynamoDB, for an item of a transaction and its indexes: ingests have up to 2 KB."""
WORK_BYTES = 2_000
"""In the work bucket, of an object in a location, for a month."""
ARCHIVED_BESIDE, NAMED_BESIDE = 32 * 1024, 8 * 1024
"""Bytes that archives bill beside an object: at their own price, and at that of STANDARD."""


def estimate(
    work: Workload,
    plan: EstimatePlan,
    *,
    rates: Rates,
    prices: ServicePrices,
    currency: str,
    read_rate: int | None = None,
) -> Estimate:
    """Time and money; nothing takes nothing. `read_rate`: see source_bytes_per_second."""
    copying = _copying_seconds(work, plan, rates)
    listing = _listing_seconds(work, plan, rates)
    times = _Times(
        copying=copying,
        packet=min(copying, _packet_seconds(plan, rates)),
        listing=listing,
        source=_source_seconds(work, plan, rates, read_rate),
    )
    paid = copying + listing
    if read_rate is not None:
        paid += max(0.0, times.source * _reading(rates) - _from_source_seconds(work, plan, rates))
    lines = list(_lines(work, plan, paid, rates, prices))
    return _estimate(work, times, lines, workers=rates.workers, currency=currency)


def together(estimates: Sequence[Estimate], *, workers: int, currency: str) -> Estimate:
    """Of all that is worked on at a time; none of it takes longer than the whole."""
    work = Workload()
    for one in estimates:
        work = work.plus(one.workload)
    times = _Times(
        copying=sum(one.copying_millis for one in estimates) / 1000,
        packet=max((one.packet_millis for one in estimates), default=0) / 1000,
        listing=sum(one.listing_millis for one in estimates) / 1000,
        source=sum(one.source_millis for one in estimates) / 1000,
    )
    lines = _added(line for one in estimates for line in one.lines)
    whole = _estimate(work, times, lines, workers=workers, currency=currency)
    longest = max((one.seconds for one in estimates), default=0)
    return whole.model_copy(update={"seconds": max(whole.seconds, longest)})


@dataclass(frozen=True, slots=True)
class _Times:
    """In seconds; see Estimate."""

    copying: float
    packet: float
    listing: float
    source: float


def _estimate(
    work: Workload, times: _Times, lines: Sequence[CostLine], *, workers: int, currency: str
) -> Estimate:
    courses_at_once = max(1, min(workers, work.courses))
    working = times.copying / workers + times.packet + times.listing / courses_at_once
    return Estimate(
        workload=work,
        seconds=round(max(working, times.source)),
        workers=workers,
        copying_millis=round(times.copying * 1000),
        packet_millis=round(times.packet * 1000),
        listing_millis=round(times.listing * 1000),
        source_millis=round(times.source * 1000),
        currency=currency,
        once_micros=sum(one.cost_micros for one in lines if not one.is_monthly),
        monthly_micros=sum(one.cost_micros for one in lines if one.is_monthly),
        lines=tuple(lines),
    )


def _packet_seconds(plan: EstimatePlan, rates: Rates) -> float:
    legs = (plan.primary is not None) + len(plan.others)
    one_by_one = MAX_PACKET_OBJECTS / rates.objects_per_second
    passing = MAX_PACKET_BYTES / 1e6 / rates.megabytes_per_second
    return 2 * legs * (one_by_one + passing)


def _source_seconds(
    work: Workload, plan: EstimatePlan, rates: Rates, read_rate: int | None
) -> float:
    """MongoDB is read no faster than it may be."""
    if plan.primary is None:
        return 0.0
    assumed = rates.source_megabytes_per_second
    megabytes = assumed if read_rate is None else min(assumed, read_rate / 1e6)
    return work.bytes / 1e6 / megabytes


def _reading(rates: Rates) -> float:
    """Workers that read MongoDB, or wait for it: as many read back meanwhile what is copied."""
    return max(1, rates.workers / 2)


def _from_source_seconds(work: Workload, plan: EstimatePlan, rates: Rates) -> float:
    """Of the copying, what fills the primary."""
    if plan.primary is None:
        return 0.0
    one_by_one = (work.objects - work.large) / rates.objects_per_second
    return one_by_one + work.bytes / 1e6 / rates.megabytes_per_second


def _copying_seconds(work: Workload, plan: EstimatePlan, rates: Rates) -> float:
    """Each object is written once and read back once; what S3 copies and proves has no bytes."""
    one_by_one = (work.objects - work.large) / rates.objects_per_second
    passing = work.bytes / 1e6 / rates.megabytes_per_second
    seconds = 2 * _from_source_seconds(work, plan, rates)
    for other in plan.others:
        seconds += 2 * one_by_one
        seconds += passing * (other.is_streamed + (not other.is_archive))
    return seconds


def _listing_seconds(work: Workload, plan: EstimatePlan, rates: Rates) -> float:
    legs = bool(plan.primary) + len(plan.others)
    return legs * (
        work.courses * rates.course_seconds + work.objects / rates.listed_objects_per_second
    )


def _lines(
    work: Workload, plan: EstimatePlan, paid: float, rates: Rates, prices: ServicePrices
) -> Iterator[CostLine]:
    """Those that cost nothing, because there is nothing of them, are left out.

    `paid`: seconds of functions, waiting included.
    """
    for line in (
        *_bucket_lines(work, plan, prices),
        *_storage_lines(work, plan, prices),
        *_service_lines(work, plan, paid, rates, prices),
    ):
        if line.quantity:
            yield line


def _bucket_lines(work: Workload, plan: EstimatePlan, prices: ServicePrices) -> Iterator[CostLine]:
    source = requests.primary_requests(work, plan)
    yield from _request_lines(source, plan.source, plan.source_class, prices)
    for other in plan.others:
        asked = requests.location_requests(work, other, plan)
        yield from _request_lines(asked, other.id, other.storage_class, prices)
    asked = requests.work_requests(work, plan)
    yield from _request_lines(asked, "work", "STANDARD", prices)
    read = prices.of(plan.source_class).gigabyte_read
    times = (plan.primary is not None) + len(plan.others)
    yield _gigabytes("S3 retrieval", plan.source, times * work.bytes, read)
    for other in plan.others:
        price = prices.of(other.storage_class).gigabyte_read
        if not other.is_archive:
            yield _gigabytes("S3 retrieval", other.id, work.bytes, price)
        if other.is_distant:
            # Once to be copied, and once to be read back by workers that are where the source is.
            times = 1 if other.is_archive else 2
            yield _gigabytes(
                "transfer between regions", other.id, times * work.bytes, prices.transfer
            )


def _request_lines(
    asked: requests.BucketRequests, location: str, storage_class: str, prices: ServicePrices
) -> Iterator[CostLine]:
    price = prices.of(storage_class)
    yield _counted("S3 writes", asked.writes, price.writes / 1e3, location)
    yield _counted("S3 lists", asked.lists, prices.lists / 1e3, location)
    yield _counted("S3 reads", asked.reads, price.reads / 1e3, location)


def _storage_lines(work: Workload, plan: EstimatePlan, prices: ServicePrices) -> Iterator[CostLine]:
    filled = ([plan.primary] if plan.primary else []) + list(plan.others)
    for one in filled:
        price = prices.of(one.storage_class)
        size = work.bytes + (work.padding if price.is_padded else 0)
        size += work.objects * ARCHIVED_BESIDE if one.is_archive else 0
        yield _gigabytes("storage", one.id, size, price.gigabyte_month, is_monthly=True)
        if one.is_archive:
            beside = prices.of("STANDARD").gigabyte_month
            named = work.objects * NAMED_BESIDE
            yield _gigabytes("names beside it", one.id, named, beside, is_monthly=True)
    price = prices.of("STANDARD")
    # They expire: a month of them is all there is.
    yield _gigabytes(
        "work files", "work", work.objects * WORK_BYTES * len(filled), price.gigabyte_month
    )


def _service_lines(
    work: Workload, plan: EstimatePlan, paid: float, rates: Rates, prices: ServicePrices
) -> Iterator[CostLine]:
    items = requests.state_items(work, plan)
    renewals = int(paid / RENEWED_EVERY)
    units = sum(number * getattr(items, name) for name, number in WRITE_UNITS.items())
    units += renewals * (WRITE_UNITS["checks"] + WRITE_UNITS["updates"])
    yield _counted("DynamoDB writes", units, prices.state_writes / 1e6)
    yield _counted("DynamoDB reads", items.reads, prices.state_reads / 1e6)
    yield _counted("SQS", requests.queue_requests(work, plan), prices.queue_requests / 1e6)
    yield _counted("Lambda calls", requests.messages(work, plan), prices.function_calls / 1e6)
    gigabyte_seconds = paid * rates.memory_megabytes / 1024
    price = prices.function_gigabyte_seconds / 1e6
    yield CostLine(
        item="Lambda",
        quantity=round(gigabyte_seconds),
        unit="GB-seconds",
        cost_micros=round(gigabyte_seconds * price * MICROS),
    )


def _counted(item: str, quantity: int, price: float, location: str | None = None) -> CostLine:
    unit = "units" if item.startswith("DynamoDB") else "requests"
    return CostLine(
        item=item,
        location=location,
        quantity=quantity,
        unit=unit,
        cost_micros=round(quantity * price * MICROS),
    )


def _gigabytes(
    item: str, location: str, size: int, price: float, *, is_monthly: bool = False
) -> CostLine:
    return CostLine(
        item=item,
        location=location,
        quantity=size if price else 0,
        unit="bytes",
        cost_micros=round(size / GIGABYTE * price * MICROS),
        is_monthly=is_monthly,
    )


def _added(lines: Iterable[CostLine]) -> list[CostLine]:
    """One line of each thing, in the order in which they first come."""
    sums: dict[tuple[str, str | None, bool], CostLine] = {}
    for line in lines:
        place = (line.item, line.location, line.is_monthly)
        before = sums.get(place)
        sums[place] = line if before is None else _sum(before, line)
    return list(sums.values())


def _sum(one: CostLine, other: CostLine) -> CostLine:
    return one.model_copy(
        update={
            "quantity": one.quantity + other.quantity,
            "cost_micros": one.cost_micros + other.cost_micros,
        }
    )
