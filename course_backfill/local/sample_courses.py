"""The courses of the sample: between them, every form in which the platform keeps files."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from course_backfill.adapters.contentstore.platform_files import (
    CHUNK_BYTES,
    Digest,
    file_id,
    location_of,
)
from course_backfill.adapters.mongodb import Document
from course_backfill.courses import NO_RUN, CourseId
from course_backfill.local import sample_content as made

SPRING = CourseId.parse("course-v1:Sample+Gardening101+2026_Spring")
AUTUMN = CourseId.parse("course-v1:Sample+Gardening101+2026_Autumn")
NAMES = CourseId.parse("course-v1:Sample+Names+2026")
GALLERY = CourseId.parse("course-v1:Sample+Gallery+2026")
VIDEO = CourseId.parse("course-v1:Sample+Video202+2026")
EMPTY = CourseId.parse("course-v1:Sample+Empty+2026")
DAMAGED = CourseId.parse("course-v1:Sample+Damaged+2026")
OLD = CourseId.parse("SampleOld/Astronomy/2013")
OLD_AGAIN = CourseId.parse("SampleOld/Astronomy/2014")
LEFT_OVER = CourseId.parse(f"SampleOld/Leftovers/{NO_RUN}")

DAMAGED_FILE = "broken.bin"

SPLIT_COURSES = (SPRING, AUTUMN, NAMES, GALLERY, VIDEO, EMPTY, DAMAGED)
"""Those with a row in the split index."""

OLD_COURSES = (OLD, OLD_AGAIN)
"""Those of the old modulestore, which share their files."""


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One file to save; `fields` replaces or adds fields of its document."""

    name: str
    content: bytes
    kind: str = "asset"
    digest: Digest | None = "md5"
    fields: Document = field(default_factory=dict)


def sample_files(seed: int, *, large_bytes: int) -> Iterator[tuple[CourseId, list[SampleFile]]]:
    """Each course that owns files, and its files; the same bytes for the same seed."""
    builders: dict[CourseId, Callable[[Random], list[SampleFile]]] = {
        SPRING: _gardening,
        AUTUMN: lambda _: _copied(SPRING, _gardening(Random(f"{seed} {SPRING}"))),  # noqa: S311  # As below.
        NAMES: _hostile_names,
        GALLERY: _gallery,
        VIDEO: lambda random: _video(random, large_bytes),
        DAMAGED: _damaged,
        OLD: _astronomy,
        LEFT_OVER: lambda random: [SampleFile("forgotten.txt", made.text(random))],
    }
    for course, build in builders.items():
        yield course, build(Random(f"{seed} {course}"))  # noqa: S311  # Sample data, no secret.


def _gardening(random: Random) -> list[SampleFile]:
    return [
        *_picture(SPRING, "leaf.png", made.png(random), random, "image/png"),
        *_picture(SPRING, "plan.svg", made.svg(random), random, "image/svg+xml"),
        SampleFile(
            "syllabus.pdf",
            made.document(random, 2 * CHUNK_BYTES + 177_760),
            fields={"locked": True, "contentType": "application/pdf"},
        ),
        SampleFile("whole_chunks.bin", random.randbytes(2 * CHUNK_BYTES)),
        SampleFile(
            "handouts_week1_soil.txt",
            made.text(random),
            fields={
                "displayname": "handouts/week1/soil.txt",
                "import_path": "handouts/week1/soil.txt",
                "contentType": "text/plain",
            },
        ),
        SampleFile("empty.txt", b"", fields={"contentType": "text/plain"}),
        SampleFile(
            "Übergrößen__2_.txt",
            made.text(random),
            digest="custom_md5",
            fields={"displayname": "Übergrößen (2).txt", "contentType": "text/plain"},
        ),
        *_subtitles(random, "gardening"),
    ]


def _copied(original: CourseId, files: list[SampleFile]) -> list[SampleFile]:
    """As a re-run copies them: `filename` still names the original, and there is no digest."""
    return [
        SampleFile(
            file.name,
            file.content,
            file.kind,
            None,
            file.fields | {"filename": file_id(original, file.name, kind=file.kind)},
        )
        for file in files
    ]


def _hostile_names(random: Random) -> list[SampleFile]:
    accented = "résumé.txt"
    names = (
        unicodedata.normalize("NFC", accented),
        unicodedata.normalize("NFD", accented),
        "Notes.txt",
        "notes.txt",
        "100%.txt",
        "50%25.txt",
        "_leading.txt",
        "at_10:30.txt",
        "..hidden",
        "ж" * 460 + ".txt",
    )
    return [SampleFile(name, made.text(random)) for name in names]


def _gallery(random: Random) -> list[SampleFile]:
    return [
        SampleFile(
            f"picture_{number:03}.png", made.png(random), fields={"contentType": "image/png"}
        )
        for number in range(150)
    ]


def _video(random: Random, large_bytes: int) -> list[SampleFile]:
    return [
        SampleFile(
            "lecture.mp4",
            made.video(random, large_bytes),
            digest="custom_md5",
            fields={"contentType": "video/mp4"},
        ),
        *_subtitles(random, "lecture"),
    ]


def _damaged(random: Random) -> list[SampleFile]:
    return [
        SampleFile("before.txt", made.text(random)),
        SampleFile(DAMAGED_FILE, random.randbytes(2 * CHUNK_BYTES + 90_000)),
        SampleFile("zulu.png", made.png(random), fields={"contentType": "image/png"}),
    ]


def _astronomy(random: Random) -> list[SampleFile]:
    # Very old data has its keys in another order, which makes it another id.
    reordered = dict(sorted(location_of(OLD, "stars.txt").items()))
    return [
        *_picture(OLD, "moon.png", made.png(random), random, "image/png"),
        SampleFile("exam.pdf", made.document(random, 300_000), fields={"locked": True}),
        SampleFile("empty.txt", b""),
        SampleFile("stars.txt", made.text(random), fields={"_id": reordered}),
    ]


def _picture(
    course: CourseId, name: str, content: bytes, random: Random, content_type: str
) -> list[SampleFile]:
    """A picture and its thumbnail, which the picture's document names."""
    stem, _, extension = name.rpartition(".")
    is_svg = extension == "svg"
    small = f"{stem}-{extension}.{'svg' if is_svg else 'jpg'}"
    location = ["c4x", course.org, course.course, "thumbnail", small, None]
    return [
        SampleFile(
            name, content, fields={"contentType": content_type, "thumbnail_location": location}
        ),
        SampleFile(
            small,
            content if is_svg else made.thumbnail(random),
            "thumbnail",
            fields={"contentType": content_type if is_svg else "image/jpeg"},
        ),
    ]


def _subtitles(random: Random, stem: str) -> list[SampleFile]:
    return [
        SampleFile(
            f"subs_{stem}.srt.sjson",
            made.sjson(random),
            fields={"contentType": "application/json"},
        ),
        SampleFile(
            f"uk_subs_{stem}.srt.sjson",
            made.sjson(random),
            digest="custom_md5",
            fields={"contentType": "application/json"},
        ),
        SampleFile(
            f"{stem}-en.srt", made.srt(random), fields={"contentType": "application/x-subrip"}
        ),
    ]
