"""`sources.toml`, read and checked: which packages, and which label each of their sounds gets."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).with_name("sources.toml")

# Rules of a package, first to last. What "drop" lists gets no label: it is for what the patterns
# of "casual", the widest, would take.
RULE_ORDER = ("gunshot", "explosion", "siren", "drop", "casual")

AUDIO_SUFFIX = re.compile(r"\.(wav|og[ga]|flac|aiff?|au|mp3)$", re.IGNORECASE)

# What marks a variant of the same sound at the end of a name: shot1 … shot5, shot-2b, burst_15x.
_VARIANT = re.compile(r"(?<=[^\W\d_])[\W_]*\d+[a-z]?$", re.IGNORECASE)


class SourcesError(ValueError):
    """The sources file says something that cannot be."""


@dataclass(frozen=True)
class Package:
    """One .deb and what is taken from it.

    Attributes:
        root: path prefix inside the package that all patterns leave out.
        licence: SPDX expression of its sounds, and `licences` the exceptions by pattern.
        rules: ``(pattern, label)`` in order of precedence; the label ``""`` drops the file.
        recordings: ``(pattern, name)`` of files that come from one recording session; the others
            share a recording with the files of the same name up to a trailing number.
    """

    name: str
    version: str
    sha256: str
    licence: str
    root: str
    rules: tuple[tuple[str, str], ...]
    licences: tuple[tuple[str, str], ...] = ()
    recordings: tuple[tuple[str, str], ...] = ()

    def label_of(self, path: str) -> str:
        """Label of a file (its path below `root`), or ``""`` if it is not wanted."""
        return _first_match(self.rules, path) or ""

    def licence_of(self, path: str) -> str:
        return _first_match(self.licences, path) or self.licence

    def recording_of(self, path: str) -> str:
        """Identity of the recording: files that share it must not be split between folds."""
        session = _first_match(self.recordings, path)
        if session is None:
            session = _VARIANT.sub("", AUDIO_SUFFIX.sub("", path))
        return f"{self.name}/{session}"


@dataclass(frozen=True)
class Sources:
    """All packages, and which of their sounds are one recording in spite of their names.

    Attributes:
        max_per_label: files taken from one package for one label, at most.
        same_recording: recording -> the recording it is merged into.
    """

    packages: tuple[Package, ...]
    max_per_label: int
    same_recording: dict[str, str] = field(default_factory=dict)

    def recording_of(self, package: Package, path: str) -> str:
        recording = package.recording_of(path)
        return self.same_recording.get(recording, recording)


def read_sources(path: Path = SOURCES) -> Sources:
    """Read the sources file.

    Raises:
        SourcesError: unknown label or key, or a package without a hash.
    """
    with path.open("rb") as file:
        table = tomllib.load(file)
    packages = tuple(_package(entry) for entry in table["package"])
    names = [package.name for package in packages]
    if len(set(names)) < len(names):
        raise SourcesError("a package is listed twice")
    merged: dict[str, str] = {}
    for group in table.get("same_recording", []):
        for recording in group[1:]:
            merged[recording] = group[0]
    return Sources(packages, table["max_per_label"], merged)


def _package(entry: dict[str, Any]) -> Package:
    known = {"name", "version", "sha256", "licence", "licences", "root", "recordings", "note"}
    unknown = entry.keys() - known - set(RULE_ORDER)
    if unknown:
        raise SourcesError(f"{entry.get('name')}: unknown key {', '.join(sorted(unknown))}")
    if not re.fullmatch(r"[0-9a-f]{64}", entry["sha256"]):
        raise SourcesError(f"{entry['name']}: not a SHA-256: {entry['sha256']}")
    rules = tuple(
        (pattern, "" if key == "drop" else key)
        for key in RULE_ORDER
        for pattern in entry.get(key, [])
    )
    return Package(
        name=entry["name"],
        version=entry["version"],
        sha256=entry["sha256"],
        licence=entry["licence"],
        root=entry["root"],
        rules=rules,
        licences=tuple(entry.get("licences", {}).items()),
        recordings=tuple(entry.get("recordings", {}).items()),
    )


def _first_match(rules: tuple[tuple[str, str], ...], path: str) -> str | None:
    return next((value for pattern, value in rules if fnmatchcase(path, pattern)), None)
