"""Rows of both modulestores for the sample: small courses in the platform's own shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from random import Random
from typing import Any

from bson import ObjectId

from course_backfill.adapters.mongodb import Document
from course_backfill.courses import CourseId

_EDITOR = 4
_OUTLINE = (
    # Block type, id, parent; the last two hold content.
    ("course", "course", None),
    ("chapter", "week1", "course"),
    ("sequential", "lesson1", "week1"),
    ("vertical", "unit1", "lesson1"),
    ("html", "intro", "unit1"),
    ("video", "lecture", "unit1"),
)


class SplitModulestore:
    """Collects the rows of split courses: index rows, structures and definitions."""

    def __init__(self, random: Random, edited: datetime) -> None:
        self._random = random
        self._edited = edited
        self.active_versions: list[Document] = []
        self.structures: list[Document] = []
        self.definitions: list[Document] = []

    def add_course(self, course: CourseId) -> None:
        """A course whose draft and published branch have a structure each."""
        published = self._structure(course, None)
        draft = self._structure(course, published)
        self._index(course, {"draft-branch": draft, "published-branch": published})

    def add_copy(self, course: CourseId, original: CourseId) -> None:
        """A re-run: an index row that points at the structures of the original."""
        wanted = (original.org, original.course, original.run)
        [row] = [row for row in self.active_versions if _parts(row) == wanted]
        self._index(course, row["versions"])

    def add_library(self, org: str, name: str) -> None:
        """A library, which has no files."""
        library = CourseId(org, name, "library")
        self._index(library, {"library": self._structure(library, None)})

    def _index(self, course: CourseId, versions: Document) -> None:
        self.active_versions.append(
            {
                "_id": self._object_id(),
                "org": course.org,
                "course": course.course,
                "run": course.run,
                "edited_by": _EDITOR,
                "edited_on": self._edited,
                "last_update": self._edited,
                "schema_version": 1,
                "search_targets": {"wiki_slug": f"{course.org}.{course.course}.{course.run}"},
                "versions": versions,
            }
        )

    def _structure(self, course: CourseId, previous: ObjectId | None) -> ObjectId:
        structure = self._object_id()
        root = ["library", "library"] if course.run == "library" else ["course", "course"]
        outline = [("library", "library", None)] if root[0] == "library" else _OUTLINE
        self.structures.append(
            {
                "_id": structure,
                "root": root,
                "previous_version": previous,
                "original_version": previous or structure,
                "edited_by": _EDITOR,
                "edited_on": self._edited,
                "schema_version": 1,
                "blocks": [
                    self._block(kind, name, outline, structure) for kind, name, _ in outline
                ],
            }
        )
        return structure

    def _block(
        self,
        kind: str,
        name: str,
        outline: Sequence[tuple[str, str, str | None]],
        structure: ObjectId,
    ) -> Document:
        fields: Document = {"display_name": name.capitalize()}
        children = [[child, own] for child, own, parent in outline if parent == name]
        if children:
            fields["children"] = children
        if kind == "video":
            fields |= {"sub": name, "transcripts": {"uk": f"{name}.srt"}, "edx_video_id": ""}
        return {
            "block_type": kind,
            "block_id": name,
            "definition": self._definition(kind),
            "fields": fields,
            "defaults": {},
            "asides": {},
            "edit_info": {
                "edited_on": self._edited,
                "edited_by": _EDITOR,
                "previous_version": None,
                "update_version": structure,
                "source_version": None,
            },
        }

    def _definition(self, kind: str) -> ObjectId:
        definition = self._object_id()
        self.definitions.append(
            {
                "_id": definition,
                "block_type": kind,
                "fields": {"data": "<p>Welcome.</p>"} if kind == "html" else {},
                "edit_info": {
                    "edited_by": _EDITOR,
                    "edited_on": self._edited,
                    "previous_version": None,
                    "original_version": definition,
                },
                "schema_version": 1,
            }
        )
        return definition

    def _object_id(self) -> ObjectId:
        """An id of the time of the edit, as a driver makes them, but the same each time."""
        seconds = int(self._edited.timestamp()).to_bytes(4, "big")
        return ObjectId(seconds + self._random.randbytes(8))


def old_blocks(course: CourseId, edited: datetime) -> Iterator[Document]:
    """The blocks of an old-form course, the course block named by its run."""
    names = {name: course.run if kind == "course" else name for kind, name, _ in _OUTLINE}
    for kind, name, _ in _OUTLINE:
        children = [
            f"i4x://{course.org}/{course.course}/{child}/{own}"
            for child, own, parent in _OUTLINE
            if parent == name
        ]
        yield {
            "_id": {
                "tag": "i4x",
                "org": course.org,
                "course": course.course,
                "category": kind,
                "name": names[name] if kind == "course" else f"{course.run}_{name}",
                "revision": None,
            },
            "definition": {"children": children, "data": {}},
            "metadata": {"display_name": name.capitalize()},
            "edit_info": {"edited_by": _EDITOR, "edited_on": edited},
        }


def _parts(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["org"], row["course"], row["run"]
