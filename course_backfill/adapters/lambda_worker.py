"""A worker as AWS Lambda calls it: a batch of its queue's messages, or an event beside them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from course_backfill.adapters.connected import connect
from course_backfill.adapters.lambda_batch import BatchResponse, Context, Handles, handle_batch
from course_backfill.adapters.lambda_run import lambda_run
from course_backfill.deliveries import Delivery
from course_backfill.run_time import limited
from course_backfill.wiring import Wiring

Event = dict[str, Any]
Handler = Callable[[Event, Context], BatchResponse]
Listener = Callable[[Event], object]
"""What an event that brings no messages is given to: a schedule's, or S3's."""


class LambdaWorker:
    """The `lambda_handler` of a service, made from its step; see `handle_batch`.

    Nothing is made before it is used, and then once. Without `build_listener` every event has to
    be a batch; without `build_burial` no dead letter is expected in one.
    """

    def __init__(
        self,
        build_step: Callable[[Wiring], Handles],
        *,
        build_listener: Callable[[Wiring], Listener] | None = None,
        build_burial: Callable[[Wiring], Callable[[Delivery], None]] | None = None,
    ) -> None:
        self._build_step = build_step
        self._build_listener = build_listener
        self._build_burial = build_burial
        self._connected = cache(lambda: self.on(connect()))

    def __call__(self, event: Event, context: Context) -> BatchResponse:
        """Handles an event on the configured installation; raises RunFailed."""
        with lambda_run(self.service, context):
            return self._connected()(event, context)

    @property
    def service(self) -> str:
        """The service whose handler made this: `planner` of `services.planner.handler`."""
        return self._build_step.__module__.split(".")[-2]

    def on(self, wiring: Wiring) -> Handler:
        """The handler on any wiring; what it runs stops in time before Lambda ends it."""
        step = partial(cache(self._build_step), wiring)
        listener = cache(self._build_listener) if self._build_listener else None
        burial = cache(self._build_burial) if self._build_burial else None

        def handle(event: Event, context: Context) -> BatchResponse:
            with limited(context.get_remaining_time_in_millis() / 1000):
                if listener and "Records" not in event:
                    listener(wiring)(event)
                    return {"batchItemFailures": []}
                bury = burial(wiring) if burial else None
                return handle_batch(event, context, wiring=wiring, step=step, bury=bury)

        return handle
