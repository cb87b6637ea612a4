"""What the documents point to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
