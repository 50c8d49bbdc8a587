"""Packets: together they are the inventory, each within its bounds."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from course_backfill.packets import (
    MAX_PACKET_BYTES,
    MAX_PACKET_OBJECTS,
    PacketRange,
    cut_packets,
)

MIB = 1024 * 1024
SIZES = st.integers(-1, 3 * MAX_PACKET_BYTES) | st.sampled_from([-1, 0, 1, MAX_PACKET_BYTES])
LINES = st.lists(st.tuples(st.integers(1, 500), SIZES), max_size=60)


@given(LINES)
@example([])
@example([(10, MAX_PACKET_BYTES), (10, 0), (10, 1)])
def test_packets_cover_the_inventory_without_gap_or_overlap(lines: list[tuple[int, int]]) -> None:
    packets = list(cut_packets(lines))
    end = 0
    for packet in packets:
        assert packet.offset == end
        assert packet.length > 0
        end = packet.offset + packet.length
    assert end == sum(length for length, _ in lines)
    assert sum(packet.objects for packet in packets) == len(lines)
    assert sum(packet.bytes for packet in packets) == sum(max(size, 0) for _, size in lines)


@given(LINES)
def test_no_packet_is_larger_than_its_bounds_but_for_one_object_alone(
    lines: list[tuple[int, int]],
) -> None:
    for packet in cut_packets(lines):
        assert 0 < packet.objects <= MAX_PACKET_OBJECTS
        assert packet.bytes <= MAX_PACKET_BYTES or packet.objects == 1


@given(LINES)
def test_packets_are_cut_as_late_as_the_bounds_allow(lines: list[tuple[int, int]]) -> None:
    packets = list(cut_packets(lines))
    taken = 0
    for packet in packets[:-1]:
        taken += packet.objects
        _, first_of_next = lines[taken]
        is_full = packet.objects == MAX_PACKET_OBJECTS
        assert is_full or packet.bytes + max(first_of_next, 0) > MAX_PACKET_BYTES


def test_a_course_without_objects_has_no_packets() -> None:
    assert list(cut_packets([])) == []


def test_a_thousand_small_objects_are_one_packet_and_the_next_begins_another() -> None:
    packets = list(cut_packets([(10, 1)] * (MAX_PACKET_OBJECTS + 1)))
    assert packets == [PacketRange(0, 10_000, 1_000, 1_000), PacketRange(10_000, 10, 1, 1)]


def test_an_object_larger_than_a_packet_is_alone_in_its_own() -> None:
    lines = [(10, MIB), (10, 5 * MAX_PACKET_BYTES), (10, MIB)]
    assert [packet.objects for packet in cut_packets(lines)] == [1, 1, 1]


def test_bytes_up_to_the_bound_share_a_packet() -> None:
    lines = [(10, MAX_PACKET_BYTES - 1), (10, 1), (10, 0), (10, 1)]
    assert [packet.objects for packet in cut_packets(lines)] == [3, 1]
