"""Every link of the README and the documentation leads to a file, and to a heading of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+[^)]*)?\)")
_DEFINITION = re.compile(r"^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


def links(page: str) -> Iterator[str]:
    """The targets of a page that are not on the web."""
    text = _CODE.sub("", _FENCE.sub("", page))
    for target in (*_LINK.findall(text), *_DEFINITION.findall(text)):
        if not re.match(r"[a-z][a-z0-9+.-]*:", target):
            yield target


def anchors(page: str) -> set[str]:
    """What the headings of a page are called in its address, as GitHub and GitLab make it."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", page)):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        number = sum(re.fullmatch(rf"{re.escape(name)}(-\d+)?", one) is not None for one in found)
        found.add(f"{name}-{number}" if number else name)
    return found


def broken(page: Path, root: Path = ROOT) -> list[str]:
    """The links of a page that lead nowhere, or out of the root."""
    return [link for link in links(page.read_text()) if not leads_somewhere(page, link, root)]


def leads_somewhere(page: Path, link: str, root: Path) -> bool:
    path, _, anchor = link.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists() or not file.is_relative_to(root):
        return False
    return not anchor or anchor in anchors(file.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_the_links_of_a_page_are_found() -> None:
    page = """[a](one.md) [b](<two.md#x> "title") [c](https://example.org) `[d](no.md)`
```
[e](neither.md)
```
[f]: three.md
"""
    assert list(links(page)) == ["one.md", "two.md#x", "three.md"]


def test_headings_are_named_as_their_pages_address_them() -> None:
    page = "# What `serve` does: all\n## A [link](x.md)\n## Twice\n## Twice\n```\n# no\n```\n"
    assert anchors(page) == {"what-serve-does-all", "a-link", "twice", "twice-1"}


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here\n[a](#here) [b](#there) [c](nowhere.md)\n")
    assert broken(page, tmp_path) == ["#there", "nowhere.md"]
