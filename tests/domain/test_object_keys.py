"""Names to keys: no two names share one, and no name leaves its folder or its version."""

from __future__ import annotations

import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from course_backfill.copies.object_keys import MAX_KEY_BYTES, encode_name, relative_key

VERSION_PREFIX = "courses/course-v1:Org+Course+Run/v1/"
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
AWKWARD = st.text(st.sampled_from("./%_2EF5\\a"), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("plain name (1).png", "plain name (1).png"),
        ("100%.txt", "100%25.txt"),
        ("a\\b\x00\x7f\x85", "a%5Cb%00%7F%C2%85"),
        ("_long", "%5Flong"),
        ("a_b", "a_b"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("../a/./b/..", "%2E%2E/a/%2E/b/%2E%2E"),
        (".hidden/..a/b..", ".hidden/..a/b.."),
        ("\ufffe\uffff", "%EF%BF%BE%EF%BF%BF"),
    ],
)
def test_only_what_is_unsafe_is_encoded(name: str, encoded: str) -> None:
    assert encode_name(name) == encoded


@given(name=NAMES | AWKWARD)
@example("%2E")
def test_the_name_can_be_told_from_its_encoding(name: str) -> None:
    assert unquote(encode_name(name)) == name


@given(name=NAMES | AWKWARD)
def test_no_encoded_name_has_a_segment_that_clients_resolve(name: str) -> None:
    assert not {".", ".."} & set(encode_name(name).split("/"))


def test_names_that_normalise_to_the_same_stay_two() -> None:
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))

    assert encode_name(composed) != encode_name(decomposed)


@given(name=NAMES | st.integers(800, 1500).map(lambda length: "é" * length))
def test_every_key_fits_and_stays_in_its_folder(name: str) -> None:
    key = relative_key("assets/" + name, version_prefix=VERSION_PREFIX)

    assert key.startswith("assets/")
    assert len((VERSION_PREFIX + key).encode()) <= MAX_KEY_BYTES


def test_a_short_name_cannot_pose_as_a_long_one() -> None:
    long_key = relative_key("assets/" + "n" * 1000, version_prefix=VERSION_PREFIX)

    assert long_key.startswith("assets/_long/")
    posing = relative_key(long_key, version_prefix=VERSION_PREFIX)
    assert posing == long_key.replace("_long", "%5Flong")
