"""One worker process: pollers for some services, the schedule, and an orderly stop."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

from course_backfill.local.lambda_event import SCHEDULE, Handler, LocalContext
from course_backfill.local.poller import InHand, MessageQueue, Poller

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 5.0
"""How often the janitor looks for what is due."""
DEAD_LETTER_SECONDS = 5.0
GRACE_SECONDS = 10.0
"""How long a worker that is told to stop may take for what it has in hand."""


class ServiceQueues(Protocol):
    """The queues that a process consumes."""

    def of_service(self, service: str) -> MessageQueue:
        """The queue of a service's messages."""
        ...

    def of_dead_letters(self) -> Sequence[MessageQueue]:
        """The queues of all services' dead letters."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """What one process does."""

    services: Sequence[str]
    concurrency: int
    visibility_seconds: int
    discovery_seconds: float


class Worker:
    """Runs pollers and schedules in threads until it is told to stop."""

    def __init__(
        self,
        plan: WorkerPlan,
        queues: ServiceQueues,
        *,
        handler_of: Callable[[str], Handler] | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._plan = plan
        self._queues = queues
        self._handler_of = handler_of or load_handler
        self._grace_seconds = grace_seconds
        self._stop = threading.Event()
        self._over = threading.Event()
        self._in_hand = InHand(plan.visibility_seconds)

    def stop(self) -> None:
        """Asks for the end: no other message is taken."""
        self._stop.set()

    def run(self, ready: Callable[[], None] = lambda: None) -> bool:
        """Works until `stop`; whether everything in hand was finished within the grace period.

        What was not is delivered again once it is no longer hidden, and another worker takes it.
        """
        handlers = {service: self._handler_of(service) for service in self._plan.services}
        for service, handler in handlers.items():
            for number in range(self._plan.concurrency):
                self._start(f"{service}-{number}", self._poller(service, handler).run)
        if "janitor" in handlers:
            self._start("sweep", lambda: self._sweep(handlers["janitor"]))
            self._start("dead-letters", lambda: self._take_dead_letters(handlers["janitor"]))
        if "planner" in handlers:
            self._start("discovery", lambda: self._discover(handlers["planner"]))
        self._start("visibility", lambda: self._in_hand.keep_hidden(self._over))
        logger.info("working", extra={"services": list(handlers)})
        ready()
        self._stop.wait()
        return self._finish()

    def _finish(self) -> bool:
        finished = self._in_hand.wait_until_none(self._grace_seconds)
        self._over.set()
        logger.info("stopped", extra={"finished": finished})
        return finished

    def _poller(self, service: str, handler: Handler) -> Poller:
        return Poller(
            self._queues.of_service(service),
            handler,
            service=service,
            in_hand=self._in_hand,
            stop=self._stop,
        )

    def _take_dead_letters(self, handler: Handler) -> None:
        pollers = [
            Poller(
                queue,
                handler,
                service="janitor",
                in_hand=self._in_hand,
                stop=self._stop,
                wait_seconds=0,
            )
            for queue in self._queues.of_dead_letters()
        ]
        while not self._stop.wait(DEAD_LETTER_SECONDS):
            for poller in pollers:
                while not self._stop.is_set() and poller.poll():
                    pass

    def _sweep(self, handler: Handler) -> None:
        while not self._stop.wait(SWEEP_SECONDS):
            _invoke("janitor", handler)

    def _discover(self, handler: Handler) -> None:
        while not self._stop.is_set():
            _invoke("planner", handler)
            self._stop.wait(self._plan.discovery_seconds)

    def _start(self, name: str, run: Callable[[], None]) -> None:
        # A daemon: a thread in a long poll, or in work that outlasts the grace period, does not
        # keep the process from ending.
        threading.Thread(target=run, name=name, daemon=True).start()


def run_until_signalled(worker: Worker, ready: Callable[[], None]) -> bool:
    """Runs the worker in this process until SIGTERM or SIGINT; what `Worker.run` gives."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    return worker.run(ready)


def leave() -> NoReturn:
    """Ends this process at once, whatever its threads are doing.

    Python waits for the threads of every pool otherwise: with a large file that is read at a low
    rate they would not be through for an hour.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def wait_for_signal() -> None:
    """Returns at SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()


def load_handler(service: str) -> Handler:
    """A service's `lambda_handler`, found by its name, as Lambda finds it."""
    module = importlib.import_module(f"services.{service}.handler")
    handler: Handler = module.lambda_handler
    return handler


def _invoke(service: str, handler: Handler) -> None:
    """Calls a handler as the schedule does; it is called again next time, whatever happens."""
    try:
        handler(SCHEDULE, LocalContext(service))
    except Exception:
        logger.warning("the scheduled run of %s failed", service, exc_info=True)
