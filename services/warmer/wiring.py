"""What the warmer is made of."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from course_backfill.wiring import Wiring
from services.warmer.asking import Pace
from services.warmer.completions import Completions
from services.warmer.warmer import Patience, Warmer


def build_warmer(wiring: Wiring) -> Warmer:
    """What has cold objects restored, on any wiring."""
    settings = wiring.settings
    first = settings.restore_first_look_seconds
    return Warmer(
        places=wiring.places,
        restorer=cache(wiring.restorer),
        work=wiring.work,
        state=wiring.state,
        ingests=wiring.ingests,
        packets=wiring.packets,
        costs=wiring.restore_costs,
        lifecycle=wiring.lifecycle,
        flow=wiring.flow,
        executor=wiring.executor,
        pace=Pace(settings.restore_requests_per_second),
        clock=wiring.clock,
        patience=Patience(
            give_up_after=wiring.restore_patience,
            poll=timedelta(seconds=settings.restore_poll_seconds),
            first_look=None if first is None else timedelta(seconds=first),
        ),
    )


def build_completions(wiring: Wiring) -> Completions:
    """What hears of restores, on any wiring."""
    return Completions(
        locations=wiring.locations,
        state=wiring.state,
        ingests=wiring.ingests,
        courses=wiring.courses,
        clock=wiring.clock,
        poll=timedelta(seconds=wiring.settings.restore_poll_seconds),
    )
