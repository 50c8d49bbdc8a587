"""Holding a packet's claim while working: renewed in the background, checked in between."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from course_backfill.errors import Fenced
from course_backfill.ingests import Ingest, Packet
from course_backfill.stores.packets import PacketStore


class HeldClaim:
    """Renews a claim every few seconds; `check` raises Fenced once it or the epoch is lost.

    Where renewing failed, `check` raises what it failed with: nobody is known to have taken over,
    so the packet must come to a worker again. A worker checks between objects, and before anything
    that makes a copy visible. It raises OutOfTime where the run that took the claim has to stop,
    and shows on the ingest that work which lasts goes on.
    """

    def __init__(
        self, packets: PacketStore, ingest: Ingest, packet: Packet, *, every: float
    ) -> None:
        self._packets = packets
        self._ingest = ingest
        self._packet = packet
        self._every = every
        self._wanted = packets.still_wanted(ingest)
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._renew, name="claim", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        if kind is not None:
            self._packets.release(self._ingest, self._packet)

    def check(self) -> None:
        """Raises Fenced where another worker or another epoch has taken over; OutOfTime."""
        if not self._lost.is_set():
            self._wanted.check()
            return
        if self._error is not None:
            raise self._error
        raise Fenced(f"packet {self._packet.number} of ingest {self._ingest.id} is no longer ours")

    def _renew(self) -> None:
        while not self._stop.wait(self._every):
            try:
                is_ours = self._packets.renew(self._ingest, self._packet)
            except Exception as error:
                self._error = error
                is_ours = False
            if not is_ours:
                self._lost.set()
                return
