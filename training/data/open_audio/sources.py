"""The lists of sources, read and checked: what is fetched, and which label each sound gets."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).with_name("sources.toml")
EVERYDAY = Path(__file__).with_name("everyday.toml")
HELD_OUT = Path(__file__).with_name("held_out.toml")  # never trained on

# Rules of a package, first to last. What "drop" lists gets no label: it is for what the patterns
# of "casual", the widest, would take.
RULE_ORDER = ("gunshot", "explosion", "siren", "drop", "casual")

_KEYS = {
    *("name", "version", "sha256", "licence", "licences", "root", "recordings", "note"),
    *("kinds", "joined", "minutes", "repository", "licence_list", "recording"),
}

AUDIO_SUFFIX = re.compile(r"\.(wav|og[ga]|opus|flac|aiff?|au|mp3)$", re.IGNORECASE)

# What marks a variant of the same sound at the end of a name: shot1 … shot5, shot-2b, burst_15x.
_VARIANT = re.compile(r"(?<=[^\W\d_])[\W_]*\d+[a-z]?$", re.IGNORECASE)


class SourcesError(ValueError):
    """The sources file says something that cannot be."""


@dataclass(frozen=True)
class LicenceList:
    """A file of a repository that states the licence of each sound on a line of its own.

    Attributes:
        file: its path.
        line: regular expression with the groups ``name`` and ``licence``.
        pattern: of the paths that a name stands for, with ``{name}`` in it.
        spdx: what the list calls a licence -> SPDX; sounds of other licences are not taken.
    """

    file: str
    line: str
    pattern: str
    spdx: dict[str, str]

    def licences(self, text: str) -> Iterator[tuple[str, str]]:
        """``(pattern of paths, SPDX licence)`` of each sound whose licence is among `spdx`."""
        for match in re.finditer(self.line, text, re.MULTILINE):
            if match["licence"] in self.spdx:
                yield self.pattern.format(name=match["name"]), self.spdx[match["licence"]]


@dataclass(frozen=True)
class Package:
    """One .deb, or one commit of a public repository, and what is taken from it.

    Attributes:
        version: of the package, or the commit of the repository.
        sha256: of the .deb; empty for a repository, whose commit is a hash already.
        root: path prefix inside the package that all patterns leave out.
        licence: SPDX expression of its sounds, and `licences` the exceptions by pattern.
        rules: ``(pattern, label)`` in order of precedence; the label ``""`` drops the file.
        recordings: ``(pattern, name)`` of files that come from one recording session; the others
            share a recording with the files of the same name up to a trailing number.
        recording: regular expression; files alike in its first group are of one recording.
        kinds: ``(pattern, kind of sound)``; of the others, the label is the kind.
        joined: patterns of short files that are put one behind the other, by recording.
        minutes: taken at most.
        repository: address of the repository; empty for a .deb.
        licence_list: where the repository states licences by file.
    """

    name: str
    version: str
    sha256: str
    licence: str
    root: str
    rules: tuple[tuple[str, str], ...]
    licences: tuple[tuple[str, str], ...] = ()
    recordings: tuple[tuple[str, str], ...] = ()
    recording: str = ""
    kinds: tuple[tuple[str, str], ...] = ()
    joined: tuple[str, ...] = ()
    minutes: float = math.inf
    repository: str = ""
    licence_list: LicenceList | None = None

    def label_of(self, path: str) -> str:
        """Label of a file (its path below `root`), or ``""`` if it is not wanted."""
        return _first_match(self.rules, path) or ""

    def kind_of(self, path: str) -> str:
        return _first_match(self.kinds, path) or self.label_of(path)

    def is_joined(self, path: str) -> bool:
        return any(fnmatchcase(path, pattern) for pattern in self.joined)

    def licence_of(self, path: str) -> str:
        return _first_match(self.licences, path) or self.licence

    def recording_of(self, path: str) -> str:
        """Identity of the recording: files that share it must not be split between folds."""
        session = _first_match(self.recordings, path)
        if self.recording and (match := re.search(self.recording, path)):
            session = match[1]
        if session is None:
            session = _VARIANT.sub("", AUDIO_SUFFIX.sub("", path))
        return f"{self.name}/{session}"


@dataclass(frozen=True)
class Sources:
    """All packages, and which of their sounds are one recording in spite of their names.

    Attributes:
        max_per_label: files taken from one package for one label, at most.
        max_s: sounds are cut at this many seconds.
        synthetic: whether synthesised alarms and tones go with them.
        same_recording: recording -> the recording it is merged into.
    """

    packages: tuple[Package, ...]
    max_per_label: int
    max_s: float = 30.0
    synthetic: bool = True
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
    return Sources(
        packages,
        table["max_per_label"],
        table.get("max_s", 30.0),
        table.get("synthetic", True),
        merged,
    )


def _package(entry: dict[str, Any]) -> Package:
    unknown = entry.keys() - _KEYS - set(RULE_ORDER)
    if unknown:
        raise SourcesError(f"{entry.get('name')}: unknown key {', '.join(sorted(unknown))}")
    if "repository" in entry:
        if not re.fullmatch(r"[0-9a-f]{40}", entry["version"]):
            raise SourcesError(f"{entry['name']}: not a commit: {entry['version']}")
    elif not re.fullmatch(r"[0-9a-f]{64}", entry["sha256"]):
        raise SourcesError(f"{entry['name']}: not a SHA-256: {entry['sha256']}")
    rules = tuple(
        (pattern, "" if key == "drop" else key)
        for key in RULE_ORDER
        for pattern in entry.get(key, [])
    )
    return Package(
        name=entry["name"],
        version=entry["version"],
        sha256=entry.get("sha256", ""),
        licence=entry.get("licence", ""),
        root=entry["root"],
        rules=rules,
        licences=tuple(entry.get("licences", {}).items()),
        recordings=tuple(entry.get("recordings", {}).items()),
        recording=entry.get("recording", ""),
        kinds=tuple(entry.get("kinds", {}).items()),
        joined=tuple(entry.get("joined", [])),
        minutes=entry.get("minutes", math.inf),
        repository=entry.get("repository", ""),
        licence_list=LicenceList(**entry["licence_list"]) if "licence_list" in entry else None,
    )


def _first_match(rules: tuple[tuple[str, str], ...], path: str) -> str | None:
    return next((value for pattern, value in rules if fnmatchcase(path, pattern)), None)
