"""The commands that the documents show: they run, or the document says why they are not run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import api_examples
from local.api_examples import Shell, examples, prepare, variables
from local.settings import REPOSITORY
from tests.stack import LocalStack, free_port

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
FENCE = re.compile(r"^([^\n]*)\n```(console|sh|bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (run|run rarely: .{10,}|not run: .{10,}) -->")
RARELY = re.compile(r"<!-- run rarely: [^\n]+ -->\n```console\n.*?```\n", re.DOTALL)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell with the documents' files and variables, beside a stack of its own."""
    folder = tmp_path_factory.mktemp("documents")
    stack = LocalStack(folder / ".local", free_port())
    up = stack.run("up")
    try:
        assert up.returncode == 0, up.stderr
        prepare(folder)
        yield Shell(folder, variables(up.stdout))
    finally:
        stack.run("down")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_block_is_run_or_says_why_it_is_not(page: Path) -> None:
    unmarked = [
        block.strip().splitlines()[0]
        for before, _, block in FENCE.findall(page.read_text())
        if not MARK.fullmatch(before)
    ]
    assert unmarked == [], f"of {page.name}: write <!-- run --> or <!-- not run: reason --> above"


@pytest.mark.parametrize("page", api_examples.DOCUMENTS, ids=lambda page: page.name)
def test_the_commands_of_a_page_run(page: Path, shell: Shell, monkeypatch) -> None:
    monkeypatch.setattr(api_examples, "PATIENCE_S", 60)
    commands = [one.command for one in examples(RARELY.sub("", page.read_text()))]
    assert commands
    for command in commands:
        shell.run(command)


def test_a_page_whose_commands_are_run_is_among_those() -> None:
    marked = {page for page in PAGES if "<!-- run" in page.read_text()}
    assert marked == set(api_examples.DOCUMENTS)


def test_a_block_without_a_mark_would_be_noticed() -> None:
    blocks = ("<!-- run -->\n```console\n$ a", "\n```sh\nb", "<!-- not run: x -->\n```sh\nc")
    text = "".join(f"{block}\n```\n" for block in blocks)
    assert [bool(MARK.fullmatch(before)) for before, *_ in FENCE.findall(text)] == [
        True,
        False,
        False,
    ]
