"""Tells the outside how an ingest ended; what comes of that never changes the ingest's status."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from course_backfill.callback_signing import signed_headers
from course_backfill.clock import Clock
from course_backfill.display import show_ingest
from course_backfill.errors import SecretRefused, SecretsUnavailable
from course_backfill.ingest_step import StepCompleted, StepResult
from course_backfill.ingests import Ingest
from course_backfill.messages import StepMessage
from course_backfill.ports import CallbackFailed, CallbackSender
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore
from course_backfill.stores.timers import TimerKind
from services.notifier.announcer import Announcer
from services.notifier.persistence import Persistence
from services.notifier.telling import Telling


class Notifier:
    """Delivers the ingest's JSON, signed, at least once; receivers tell repeats by the event id."""

    def __init__(
        self,
        *,
        announcer: Announcer,
        ingests: IngestStore,
        packets: PacketStore,
        sender: CallbackSender,
        key: Callable[[], bytes | None],
        clock: Clock,
        persistence: Persistence,
        stalled_after: timedelta,
    ) -> None:
        self._announcer = announcer
        self._ingests = ingests
        self._packets = packets
        self._sender = sender
        self._key = key
        self._clock = clock
        self._stalled_after = stalled_after
        self._telling = Telling(
            kind=TimerKind.CALLBACK,
            step="notify",
            words=("Callback", "delivered"),
            # After a retry it is another end that someone waits to be told of.
            end=lambda ingest: ingest.epoch,
            act=self._deliver,
            persistence=persistence,
            ingests=ingests,
            clock=clock,
        )

    def notify(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Announces the end and delivers once, where each is due; records what came of it."""
        self._announcer.announce(ingest, message)
        self._telling.tell(ingest, message)
        return StepCompleted()

    def _deliver(self, ingest: Ingest) -> str | None:
        try:
            key = self._key()
        except (SecretsUnavailable, SecretRefused) as fault:
            return str(fault)
        if ingest.callback is None or key is None:
            return (
                "no key to sign with: set COURSE_BACKFILL_CALLBACK_SECRET, or name a secret by "
                "COURSE_BACKFILL_CALLBACK_SECRET_NAME"
            )
        shown = show_ingest(
            ingest,
            self._packets.replicas(ingest.id),
            self._ingests.events(ingest.id),
            now=self._clock(),
            stalled_after=self._stalled_after,
        )
        body = shown.to_json()
        event = f"{ingest.id}.{ingest.epoch}"
        headers = signed_headers(key, event=event, body=body, now=self._clock())
        try:
            status = self._sender.post(ingest.callback.url, body, headers)
        except CallbackFailed as failed:
            return str(failed)
        return None if 200 <= status < 300 else f"the receiver answered {status}"
