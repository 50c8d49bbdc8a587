"""Speeds up the restores of an ingest that waits for them, on request."""

from __future__ import annotations

from course_backfill.cold.estimates import ColdKind, excess
from course_backfill.cold.prices import PriceTable
from course_backfill.cold.storage import Tier
from course_backfill.cold.warming import ColdTotals, RestoreWish
from course_backfill.errors import Conflict
from course_backfill.ingest_states import is_over
from course_backfill.ingests import Ingest, IngestStatus, Stage
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import MessageSender
from course_backfill.stores.ingests import IngestStore


class RestoreTiers:
    """The wish is the ingest's; the warmer acts on it when it gets the message, or looks next."""

    def __init__(
        self, *, ingests: IngestStore, messages: MessageSender, prices: PriceTable
    ) -> None:
        self._ingests = ingests
        self._messages = messages
        self._prices = prices

    def raise_tier(self, ingest: str, tier: Tier, *, by: str) -> Ingest:
        """Has what is being restored restored faster, and notes who asked for it.

        A repeat asks S3 again where it took a slower tier, and changes nothing otherwise. Raises
        NotFound; Conflict where nothing is being restored, is wished faster already, or would then
        cost more than the ingest allows.
        """
        event = self._ingests.event(
            Step.WARM, "raised", f"Restores are to be sped up to {tier}", requested_by=by
        )
        raised = self._ingests.update(
            ingest, lambda now: with_tier(now, tier, self._prices), event=event
        )
        message = StepMessage(ingest=raised.id, epoch=raised.epoch, step=Step.WARM)
        self._messages.send([message])
        return raised


def with_tier(ingest: Ingest, tier: Tier, prices: PriceTable) -> Ingest:
    """The ingest with the wish for that tier; raises Conflict."""
    warming, wished = ingest.warming, ingest.restore.tier
    is_restoring = ingest.stage is Stage.WARMING or (warming is not None and warming.asked > 0)
    if is_over(ingest) or ingest.status is not IngestStatus.PROCESSING or not is_restoring:
        raise Conflict(f"ingest {ingest.id} waits for no restore from cold storage")
    if tier.speed < wished.speed:
        raise Conflict(
            f"restores of ingest {ingest.id} are asked for with tier {wished}: "
            f"they cannot be slowed down to {tier}"
        )
    again = warming and warming.model_copy(
        update={"wished_tier": warming.asked_tier, "raised_to": None}
    )
    wish = ingest.restore.model_copy(update={"tier": tier})
    refused = _excess(ingest, wish, prices)
    if refused:
        raise Conflict(f"{refused}: ingest {ingest.id} goes on with tier {wished}")
    return ingest.model_copy(update={"restore": wish, "warming": again})


def _excess(ingest: Ingest, wish: RestoreWish, prices: PriceTable) -> str | None:
    """Why it would cost too much to have everything asked for with the new wish."""
    warming = ingest.warming
    if wish.max_cost_cents is None:
        return None
    if warming is None and wish.tier is ingest.restore.tier:
        return None
    if warming is None:
        return "what a faster tier costs is known after the first look alone, in a minute"
    if warming.asked_tier and wish.tier.speed <= warming.asked_tier.speed:
        return None
    pending = {
        ColdKind(one.storage_class, one.archive): ColdTotals(objects=one.objects, bytes=one.bytes)
        for one in warming.pending
    }
    return excess(pending, wish=wish, prices=prices, spent=ingest.restores_micros)
