"""What large installations take, by the estimator: `python -m benchmarks.scale_costs`."""

from __future__ import annotations

from benchmarks.scale_facts import TARGET, TEN_TIMES, Size
from course_backfill.cli.bills import in_short
from course_backfill.estimation.estimates import Estimate
from course_backfill.estimation.estimator import Estimator
from course_backfill.estimation.rates import Rates
from course_backfill.estimation.workloads import assumed_workload
from course_backfill.locations import Location, StorageClassName
from course_backfill.settings import Settings

FEW = Rates().workers
MANY = 100


def markdown() -> str:
    """The table as the documentation has it."""
    rows = ["| | hours and cost | MongoDB is read for |", "|---|---|---|"]
    for name, size in (("1 TB", TARGET), ("10 TB", TEN_TIMES)):
        rows += [_row(name, _estimate(size, workers)) for workers in (FEW, MANY)]
    copies: tuple[StorageClassName, ...] = ("STANDARD", "STANDARD_IA", "DEEP_ARCHIVE")
    for one in copies:
        rows.append(_row(f"1 TB, and a copy in `{one}`", _estimate(TARGET, FEW, one)))
    return "\n".join(rows) + "\n"


def _estimate(size: Size, workers: int, copy: StorageClassName | None = None) -> Estimate:
    locations = [Location(bucket="scale-primary")]
    if copy is not None:
        locations.append(Location(id="copy", bucket="scale-copy", storage_class=copy))
    settings = Settings(locations=tuple(locations), estimate_rates=Rates(workers=workers))
    work = assumed_workload(
        courses=size.courses,
        objects=size.objects,
        size=int(size.bytes),
        rates=settings.estimate_rates,
    )
    return Estimator(settings).backfill(work, [one.id for one in locations])


def _row(name: str, found: Estimate) -> str:
    return f"| {name} | {in_short(found)} | {found.source_millis / 3.6e6:.1f} h |"


if __name__ == "__main__":
    print(markdown(), end="")
