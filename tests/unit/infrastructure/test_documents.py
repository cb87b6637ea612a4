"""What the documents point to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from earshot import __version__
from local.settings import REPOSITORY

DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
IGNORED = {line.strip() for line in (REPOSITORY / ".gitignore").read_text().splitlines()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_links_or_shows_comes_with_the_repository(document: Path):
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text())
    for link in links:
        if "://" not in link:
            target = (document.parent / link).resolve()
            assert target.exists(), link
            assert str(target.relative_to(REPOSITORY)) not in IGNORED, link


def test_every_test_that_the_page_of_threats_names_is_there() -> None:
    page = (REPOSITORY / "docs" / "security.md").read_text()
    named = re.findall(r"`((?:unit|integration|long)/[\w/]+\.py)((?:::\w+)*)`", page)
    assert len(named) > 20
    for path, parts in named:
        text = (REPOSITORY / "tests" / path).read_text()
        for part in parts.split("::")[1:]:
            assert re.search(rf"(def|class) {part}\b", text), f"{path}{parts}"


def test_every_threat_names_its_test() -> None:
    page = (REPOSITORY / "docs" / "security.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and "Threat |" not in line]
    assert rows
    for row in rows:
        assert re.search(r"`(unit|integration|long)/[^`]+\.py", row.split(" | ")[-1]), row


def test_the_version_is_the_same_everywhere() -> None:
    citation = (REPOSITORY / "CITATION.cff").read_text()
    assert re.findall(r"^version: (\S+)$", citation, re.MULTILINE) == [__version__]
    changes = (REPOSITORY / "CHANGELOG.md").read_text()
    assert re.findall(r"^## \[(\d\S+)\]", changes, re.MULTILINE)[0] == __version__


def test_the_readme_is_a_page_and_not_a_manual() -> None:
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= 200
