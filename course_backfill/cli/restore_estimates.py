"""What a dry run says of cold storage: what lies in which class, and what restoring takes."""

from __future__ import annotations

from course_backfill.cli.api_client import Document
from course_backfill.cli.printing import duration, number, objects, print_table, say, size
from course_backfill.cold.estimates import money
from course_backfill.cold.storage import Tier

_EXPEDITED_MINUTES = 5
"""As long as S3 says that Expedited takes, where it is offered."""

NOTHING_TO_ASK_FOR = "Nothing would be asked for: all of it is restored, or being restored."


def print_estimates(report: Document, *, is_warming: bool = False) -> None:
    """Objects and bytes by storage class; hours and cost by tier where anything is cold.

    `is_warming`: restoring is all that there is to be done.
    """
    if not report["byStorageClass"]:
        return
    print_table(
        ["Storage class", "Objects", "Size"],
        [
            [name, number(totals["objects"]), size(totals["bytes"])]
            for name, totals in report["byStorageClass"].items()
        ],
        numbers=["Objects", "Size"],
    )
    if not report["restoreRequests"]:
        say(NOTHING_TO_ASK_FOR if is_warming else "Nothing of it has to be restored first.")
        return
    then = "" if is_warming else " first"
    say(f"{objects(report['restoreRequests'])} would be restored{then}:")
    print_table(
        ["Tier", "Requests", "At most", "Cost", ""],
        [_row(one, report) for one in report["tiers"]],
        numbers=["Requests", "At most", "Cost"],
    )
    say("Cost is of restoring, by the price table of the settings; --tier chooses another tier.")


def _row(estimate: Document, report: Document) -> list[str]:
    return [
        estimate["tier"],
        number(estimate["requests"]),
        duration(estimate["minutes"] * 60),
        money(estimate["costCents"], report["currency"] or ""),
        ", ".join(_notes(estimate, report["tier"])),
    ]


def _notes(estimate: Document, chosen: str) -> list[str]:
    notes = ["this one"] if estimate["tier"] == chosen else []
    # Nothing that is restored by this tier itself takes longer.
    if estimate["tier"] == Tier.EXPEDITED and estimate["minutes"] > _EXPEDITED_MINUTES:
        notes.append("Deep Archive by Standard")
    return notes
