"""What is known of the sample, from the bytes it was made of and not from reading it back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file: size and sha256 (hex) are those it was saved with, whether or not it is intact."""

    path: str
    size: int
    sha256: str
    intact: bool


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """One course and its files, sorted bytewise by path."""

    id: str
    files: tuple[FileFacts, ...]

    @property
    def damaged(self) -> tuple[str, ...]:
        """The paths of the files that are not intact; a course with any must fail."""
        return tuple(file.path for file in self.files if not file.intact)


@dataclass(frozen=True, slots=True)
class SampleFacts:
    """Every course that discovery must find, by its id."""

    courses: dict[str, CourseFacts]

    @property
    def failing(self) -> tuple[str, ...]:
        """The ids of the courses that must fail."""
        return tuple(course.id for course in self.courses.values() if course.damaged)
