"""What is to be sent next for an ingest: one answer for finishing, redelivery and re-sending."""

from __future__ import annotations

from course_backfill.clock import Clock, to_text
from course_backfill.ingest_states import is_over
from course_backfill.ingests import Ingest, IngestStatus, Packet, Stage
from course_backfill.messages import Step, StepMessage
from course_backfill.packet_store import PacketStore

WHOLE_INGEST_STEPS = {
    Stage.PLANNING: Step.PLAN,
    Stage.WARMING: Step.WARM,
    Stage.AGGREGATING: Step.AGGREGATE,
    Stage.REGISTERING: Step.REGISTER,
    Stage.ROLLING_BACK: Step.ROLL_BACK,
}


class Flow:
    """Derives messages from the state alone, so that any message can be made again."""

    def __init__(self, *, packets: PacketStore, clock: Clock) -> None:
        self._packets = packets
        self._clock = clock

    def messages(self, ingest: Ingest) -> list[StepMessage]:
        """Every message that the ingest's present stage is waiting for; none where it has ended."""
        if is_over(ingest):
            return []
        if ingest.status is IngestStatus.ACCEPTED:
            return [self._message(ingest, Step.PLAN)]
        if ingest.stage in WHOLE_INGEST_STEPS:
            return [self._message(ingest, WHOLE_INGEST_STEPS[ingest.stage])]
        if ingest.stage not in {Stage.REPLICATING, Stage.VERIFYING}:
            return []
        step = Step.REPLICATE if ingest.stage is Stage.REPLICATING else Step.VERIFY
        undone = [
            packet
            for replica in ingest.leg_replicas
            for packet in self._packets.packets(ingest.id, replica)
            if not _is_done(packet, step)
        ]
        now = to_text(self._clock())
        if undone:
            return [
                self._message(ingest, step, packet.replica, packet.number)
                for packet in undone
                if not packet.is_claimed(now)
            ]
        # All are done and someone must say so: a message without a packet.
        return [self._message(ingest, step, ingest.leg_replicas[0])]

    @staticmethod
    def _message(
        ingest: Ingest, step: Step, replica: str | None = None, packet: int | None = None
    ) -> StepMessage:
        return StepMessage(
            ingest=ingest.id, epoch=ingest.epoch, step=step, replica=replica, packet=packet
        )


def _is_done(packet: Packet, step: Step) -> bool:
    return (packet.copied if step is Step.REPLICATE else packet.verified) is not None
