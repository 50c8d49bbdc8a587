"""Packets: bounded runs of inventory lines, each the work of one worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_PACKET_BYTES = 200 * 1024 * 1024
MAX_PACKET_OBJECTS = 1_000


@dataclass(frozen=True, slots=True)
class PacketRange:
    """A packet: the byte range `[offset, offset + length)` of the inventory file."""

    offset: int
    length: int
    objects: int
    bytes: int


def cut_packets(lines: Iterable[tuple[int, int]]) -> Iterator[PacketRange]:
    """Cuts an inventory, given as (length of the line, size of the object), into packets.

    A packet holds at most 200 MiB or 1,000 objects; an object larger than that is alone in its
    packet, so that no packet overshoots by what happens to come last.
    """
    offset = length = objects = size = 0
    for line_length, object_size in lines:
        counted = max(object_size, 0)
        is_full = objects == MAX_PACKET_OBJECTS or size + counted > MAX_PACKET_BYTES
        if objects and is_full:
            yield PacketRange(offset, length, objects, size)
            offset, length, objects, size = offset + length, 0, 0, 0
        length += line_length
        objects += 1
        size += counted
    if objects:
        yield PacketRange(offset, length, objects, size)
