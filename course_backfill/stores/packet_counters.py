"""What the ends of packets add to the counters of their replica. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from course_backfill.ingests import Packet


@dataclass(frozen=True, slots=True)
class PacketEnd:
    """What the copying of a packet came to: its file in the work bucket, and counts.

    `size` counts the bytes of its copies alone.
    """

    result: str
    size: int
    bad: int = 0
    removed: int = 0


def copied_counters(packet: Packet, end: PacketEnd) -> dict[str, int]:
    """What the end of its copying adds."""
    return {
        "packetsCopied": 1,
        "objectsDone": packet.objects - end.bad - end.removed,
        "bytesDone": end.size,
        "bytesLeftOut": packet.bytes - end.size,
        "bad": end.bad,
        "removed": end.removed,
    }


def verified_counters(packet: Packet, *, mismatched: int, size: int) -> dict[str, int]:
    """What the end of its verification adds; `size` counts the bytes that were right."""
    copies = packet.objects - packet.bad - packet.removed
    return {
        "packetsVerified": 1,
        "objectsVerified": copies - mismatched,
        "bytesVerified": size,
        "objectsLookedAt": copies,
        # Where nothing was to be copied, of what is there already.
        "bytesLookedAt": packet.bytes_copied if packet.copied else packet.bytes,
    }


def reopened_counters(packet: Packet) -> dict[str, int]:
    """What takes back all that a copied packet has added."""
    end = PacketEnd(
        packet.copied or "", size=packet.bytes_copied, bad=packet.bad, removed=packet.removed
    )
    added = copied_counters(packet, end)
    if packet.verified:
        added |= verified_counters(packet, mismatched=packet.mismatched, size=packet.bytes_verified)
    return {name: -count for name, count in added.items()}
