"""`make help` names the parameters that tasks take, and no others."""

from __future__ import annotations

import re

import pytest

from local.settings import REPOSITORY
from training.adaptation.sources import N_FOLDS

MAKEFILE = (REPOSITORY / "Makefile").read_text()
RULES = re.findall(r"^([a-z][a-z0-9-]*):(.*?)## (.*)\n((?:\t.*\n)*)", MAKEFILE, re.MULTILINE)
ASSIGNED = dict(re.findall(r"^([A-Z_]+) *([:?]?=)", MAKEFILE, re.MULTILINE))
DERIVED = {"SERVED": "MODEL", "MODEL_FOLDER": "MODEL"}
# Defaults of the project, and which variables a program reads by itself.
NOT_PARAMETERS = {"CURDIR", "DATA", "MAKEFILE_LIST", "SESA"}
READ_BY_PROGRAMS = {
    "PORT": "local/settings.py",
    "TOKENS": "local/settings.py",
    "STATE": "local/settings.py",
    "UI_PORT": "local/ui.py",
    "SIGN_IN": "local/ui.py",
    "EARSHOT_API_URL": "local/ui.py",
    "ARCH": "local/images/__main__.py",
    "BASE": "local/images/__main__.py",
    "CHROMIUM": "tests/e2e/interface.py",
}


def parameters(text: str) -> set[str]:
    """Names such as WAV in ``(WAV=file-or-folder, MODEL=version)``."""
    return set(re.findall(r"\b([A-Z][A-Z_]*)=", text))


def variables(recipe: str) -> set[str]:
    """Names such as WAV in ``$(if $(WAV),...)``, and what those of the Makefile stand for."""
    used = set(re.findall(r"\$\((?:or |origin )?([A-Z_]+)\b", recipe))
    return {DERIVED.get(name, name) for name in used}


@pytest.mark.parametrize(("task", "needs", "text", "recipe"), RULES, ids=lambda part: part[:20])
def test_a_task_takes_the_parameters_that_its_help_names(
    task: str, needs: str, text: str, recipe: str
) -> None:
    named, used = parameters(text), variables(needs + recipe)
    for name in named - used - {"DATA"}:
        reader = REPOSITORY / READ_BY_PROGRAMS[name]
        assert f'"{name}"' in reader.read_text(), f"make {task} does not read {name}"
    fixed = {name for name in named if ASSIGNED.get(name) == ":="}
    assert fixed == set(), "a parameter on the command line would replace the Makefile's own"
    unnamed = {name for name in used - named if ASSIGNED.get(name) != ":="}
    assert unnamed - NOT_PARAMETERS - {"MAKE", "YAMNET"} <= set(ASSIGNED), task
    assert "DATA" not in used or "DATA" in named


def test_help_names_the_folds_that_there_are() -> None:
    assert re.findall(r"FOLDS=0 to (\d)", MAKEFILE) == [str(N_FOLDS)]


def test_all_tasks_are_listed() -> None:
    phony = set(re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE))
    assert phony == {task for task, *_ in RULES}
