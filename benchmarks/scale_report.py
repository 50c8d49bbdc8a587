"""What was measured of one very large course, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from benchmarks.scale import ScaleFigures


def show_scale(console: Console, scale: ScaleFigures) -> None:
    """The steps, and what is stored of them."""
    table = Table(title=f"One course of {scale.objects:,} objects", title_justify="left")
    for heading in ("", "seconds", "peak MB"):
        table.add_column(heading, justify="right" if heading else "left")
    for one in scale.steps:
        table.add_row(one.step, f"{one.seconds:,.2f}", f"{one.peak / 1e6:,.0f}" if one.peak else "")
    console.print(table)
    console.print(f"{scale.packets:,} packets; {scale.partition:,} bytes of items in DynamoDB.")
    console.print(_sizes("Work files", scale.work_files))
    console.print(_sizes("Manifest files", scale.manifest_files))
    console.print(_sizes("Largest items", scale.items))
    for rows in scale.rows:
        console.print(
            f"Report of {rows.courses:,} courses: {rows.first_page_seconds:.2f} s for the first "
            f"page with totals, {rows.all_pages_seconds:.2f} s for all; "
            f"{rows.bytes / 1e6:.1f} MB of rows, {rows.peak / 1e6:,.1f} MB held at most."
        )


def _sizes(what: str, sizes: Mapping[str, int]) -> str:
    told = (f"{name} {size:,}" for name, size in sorted(sizes.items()))
    return f"{what}, bytes: " + ", ".join(told)
