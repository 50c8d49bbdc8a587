"""Kills a worker for real while it has a packet in hand, and looks what became of the packet."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from course_backfill.adapters.connected import ConnectedWiring
from course_backfill.clock import system_clock, to_text
from course_backfill.courses import CourseId
from course_backfill.ingests import PRIMARY, Packet
from course_backfill.local.processes import Supervisor
from course_backfill.settings import Settings

LOOK_SECONDS = 0.05
SECONDS_TO_REPLACE = 30


@dataclass(frozen=True, slots=True)
class Kill:
    """A worker process that was killed, and the packet that it had in hand."""

    pid: int
    packet: int
    attempts: int
    """How often the packet had been taken in hand by then."""


class WorkerKiller:
    """Waits beside the watching until a packet of the ingest is claimed, and kills its worker.

    All packets are copied by the one process that the supervisor runs as `name`.
    """

    def __init__(
        self, settings: Settings, supervisor: Supervisor, name: str, told: Callable[[Kill], None]
    ) -> None:
        self._packets = ConnectedWiring(settings).packets
        self._supervisor = supervisor
        self._name = name
        self._told = told
        self._stop = threading.Event()
        self.kill: Kill | None = None

    def start(self, ingest: str) -> None:
        """Lies in wait for the ingest, in a thread of its own."""
        threading.Thread(target=self._wait_and_kill, args=(ingest,), daemon=True).start()

    def stop(self) -> None:
        """Gives up waiting."""
        self._stop.set()

    def replacement(self) -> int | None:
        """The process that runs in place of the killed one; None while there is none."""
        deadline = time.monotonic() + SECONDS_TO_REPLACE
        while self.kill and time.monotonic() < deadline:
            pid = self._supervisor.pid(self._name)
            if pid != self.kill.pid:
                return pid
            time.sleep(LOOK_SECONDS)
        return None

    def attempts(self, ingest: str) -> int:
        """How often the packet that was in hand has been taken in hand by now."""
        number = self.kill.packet if self.kill else 0
        packets = self._packets.packets(ingest, PRIMARY)
        return next(packet.attempts for packet in packets if packet.number == number)

    def _wait_and_kill(self, ingest: str) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            for packet in self._packets.packets(ingest, PRIMARY):
                if _is_in_hand(packet):
                    pid = self._supervisor.pid(self._name)
                    os.kill(pid, signal.SIGKILL)
                    self.kill = Kill(pid, packet.number, packet.attempts)
                    self._told(self.kill)
                    return


def count_copies(settings: Settings, course: str) -> int:
    """How many objects of the course are in the primary location, of any version."""
    wiring = ConnectedWiring(settings)
    prefix = wiring.primary.version_prefix(CourseId.parse(course), "v")
    return sum(1 for _ in wiring.reader(wiring.primary).list(prefix.removesuffix("/")))


def _is_in_hand(packet: Packet) -> bool:
    until = packet.claimed_until
    return packet.copied is None and until is not None and until > to_text(system_clock())
