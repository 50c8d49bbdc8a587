"""What is to be sent next for an ingest: one answer for finishing, redelivery and re-sending."""

from __future__ import annotations

from collections.abc import Iterator

from course_backfill.ingest_states import is_over
from course_backfill.ingests import Ingest, IngestStatus, Packet, Stage
from course_backfill.messages import Step, StepMessage
from course_backfill.stores.packets import PacketStore

WHOLE_INGEST_STEPS = {
    Stage.PLANNING: Step.PLAN,
    Stage.WARMING: Step.WARM,
    Stage.AGGREGATING: Step.AGGREGATE,
    Stage.REGISTERING: Step.REGISTER,
    Stage.ROLLING_BACK: Step.ROLL_BACK,
}
PACKET_STEPS = {Stage.REPLICATING: Step.REPLICATE, Stage.VERIFYING: Step.VERIFY}


class Flow:
    """Derives messages from the state alone, so that any message can be made again."""

    def __init__(self, packets: PacketStore) -> None:
        self._packets = packets

    def messages(self, ingest: Ingest) -> list[StepMessage]:
        """Every message that the ingest's present stage is waiting for; none where it has ended."""
        if is_over(ingest):
            return []
        if ingest.status is IngestStatus.ACCEPTED:
            return [self._message(ingest, Step.PLAN)]
        if ingest.stage in WHOLE_INGEST_STEPS:
            return [self._message(ingest, WHOLE_INGEST_STEPS[ingest.stage])]
        if ingest.stage not in PACKET_STEPS:
            return []
        step = PACKET_STEPS[ingest.stage]
        undone = [packet for packet in self._leg_packets(ingest) if not _is_done(packet, step)]
        if undone:
            return [
                self._message(ingest, step, packet.replica, packet.number)
                for packet in undone
                if not self._packets.is_claimed(packet)
            ]
        # All are done and someone must say so: a message without a packet.
        return [self._message(ingest, step, ingest.leg_replicas[0])]

    def unsent(self, ingest: Ingest) -> list[StepMessage]:
        """The messages of the present stage, unless the work on its packets shows they were sent.

        For repeated deliveries of what is done: if each of them sent a message for every packet,
        a backlog of repeats would multiply from stage to stage. What is lost of messages that
        were sent in part, the watch sends.
        """
        if ingest.stage in PACKET_STEPS and not is_over(ingest):
            step = PACKET_STEPS[ingest.stage]
            packets = list(self._leg_packets(ingest))
            done = sum(_is_done(packet, step) for packet in packets)
            is_begun = done or any(packet.claimed_until for packet in packets)
            if is_begun and done < len(packets):
                return []
        return self.messages(ingest)

    def _leg_packets(self, ingest: Ingest) -> Iterator[Packet]:
        for replica in ingest.leg_replicas:
            yield from self._packets.packets(ingest.id, replica)

    @staticmethod
    def _message(
        ingest: Ingest, step: Step, replica: str | None = None, packet: int | None = None
    ) -> StepMessage:
        return StepMessage(
            ingest=ingest.id, epoch=ingest.epoch, step=step, replica=replica, packet=packet
        )


def _is_done(packet: Packet, step: Step) -> bool:
    return (packet.copied if step is Step.REPLICATE else packet.verified) is not None
