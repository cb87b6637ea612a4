"""Everyday sound to train on: the list is sound, commits are pinned, short files are joined."""

from __future__ import annotations

import io
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from earshot.labels import LABELS
from training.data.open_audio import repositories
from training.data.open_audio.convert import convert
from training.data.open_audio.sources import (
    EVERYDAY,
    LicenceList,
    Package,
    Sources,
    SourcesError,
    read_sources,
)

RESERVED = re.compile(
    "scorched|cataclysm|cdogs|netpanzer|opensfx|dangerdeep|urbansound|kitchen20|donateacry|drone"
    "|moodist|blanket|ambientsounds|noise-mixer|ambient-sound|noisex|spoken-digit|maad|opensoundscape"
    "|librosa|virufy|wesnoth|hyperrogue|singularity|planetblupi|drascula|supertuxkart|extremetux"
    "|unknown-horizons|klettres|core-sounds-(es|fr|it|ru)|moh-opsound|robocode",
    re.IGNORECASE,
)
FREE = re.compile(
    r"(CC0-1\.0|CC-BY-[234]\.0|CC-BY-SA-(2\.0|3\.0|3\.0-US|4\.0)|L?GPL-[123]\.[01]-(only|or-later)"
    r"|GFDL-1\.3-or-later|BSD-[23]-Clause|MIT|MPL-2\.0|WTFPL"
    r"|LicenseRef-(public-domain|festvox|OGA-BY-3\.0))"
)
EVERYDAY_SOURCES = read_sources(EVERYDAY)
RATE = 16_000


@pytest.mark.parametrize("listed", EVERYDAY_SOURCES.packages, ids=lambda listed: listed.name)
def test_listed_sources_are_pinned_free_and_not_reserved(listed: Package):
    assert re.fullmatch(r"[0-9a-f]{64}", listed.sha256) or (
        listed.repository.startswith("https://") and re.fullmatch(r"[0-9a-f]{40}", listed.version)
    )
    assert not RESERVED.search(listed.name)
    stated = listed.licence_list.spdx.values() if listed.licence_list else [listed.licence]
    for licence in (*stated, *(licence for _, licence in listed.licences)):
        assert all(FREE.fullmatch(part) for part in licence.split(" OR ")), licence
    assert {label for _, label in listed.rules} <= {*LABELS, ""}


def test_folds_of_esc_50_that_are_kept_for_evaluation_are_not_taken():
    (esc_50,) = (listed for listed in EVERYDAY_SOURCES.packages if "ESC-50" in listed.name)
    assert esc_50.label_of("3-136288-A-0.wav") == "casual"
    assert esc_50.kind_of("3-136288-A-0.wav") == "animal"
    assert esc_50.label_of("1-31482-A-42.wav") == "siren"
    assert esc_50.recording_of("1-31482-B-42.wav") == esc_50.recording_of("1-31482-A-42.wav")
    for left_out in ("4-182395-A-0.wav", "5-9032-A-0.wav", "4-90014-A-42.wav", "1-17124-A-43.wav"):
        assert esc_50.label_of(left_out) == ""


def test_a_repository_without_a_commit_is_refused(tmp_path: Path):
    path = tmp_path / "sources.toml"
    path.write_text(
        'max_per_label = 9\n[[package]]\nname = "a/b"\nrepository = "https://example.org/a/b"\n'
        'version = "main"\nroot = ""\ncasual = ["*"]\n'
    )
    with pytest.raises(SourcesError, match="not a commit"):
        read_sources(path)


LIST = LicenceList(
    file="LICENSE",
    line=r"^(?P<name>\S+): (?P<licence>.+)$",
    pattern="sounds/{name}.*",
    spdx={"CC0": "CC0-1.0"},
)


@pytest.fixture
def published(tmp_path: Path) -> Package:
    """A package that is one commit of a repository on this machine."""
    folder = tmp_path / "published"
    (folder / "sounds").mkdir(parents=True)
    (folder / "LICENSE").write_text("rain: CC0\nsong: CC BY-NC\n")
    for name in ("rain", "song", "unlisted"):
        (folder / "sounds" / f"{name}.wav").write_bytes(name.encode())

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=n", "-c", "user.email=e@example.org")
        return subprocess.run(
            ["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "--quiet")
    git("config", "uploadpack.allowFilter", "true")
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    git("add", ".")
    git("commit", "--quiet", "--message=first")
    commit = git("rev-parse", "HEAD")
    (folder / "sounds" / "rain.wav").write_bytes(b"changed later")
    git("commit", "--quiet", "--all", "--message=second")
    return Package(
        name="a/b",
        version=commit,
        sha256="",
        licence="",
        root="",
        rules=(("sounds/*", "casual"),),
        repository=folder.as_uri(),
        licence_list=LIST,
    )


def test_only_files_of_a_free_licence_are_taken_as_they_were_at_the_commit(
    published: Package, tmp_path: Path
):
    clone = tmp_path / "clone"
    clone.mkdir()
    licensed = repositories.check_out(published, clone)
    assert licensed.licence_of("sounds/rain.wav") == "CC0-1.0"
    assert dict(repositories.files(licensed, clone)) == {"sounds/rain.wav": b"rain"}


def test_a_commit_that_is_not_there_is_named(published: Package, tmp_path: Path):
    gone = Package(**{**vars(published), "version": "0" * 40})
    with pytest.raises(repositories.RepositoryUnavailableError):
        repositories.check_out(gone, tmp_path)


def tone(seconds: float, hertz: float) -> bytes:
    file = io.BytesIO()
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)
    soundfile.write(file, wave, RATE, format="WAV")
    return file.getvalue()


def speech(**changes: object) -> Package:
    values: dict[str, Any] = {
        "name": "prompts",
        "version": "1",
        "sha256": "0" * 64,
        "licence": "CC0-1.0",
        "root": "usr/",
        "rules": (("*", "casual"),),
        "recordings": (("de/*", "voice-de"), ("en/*", "voice-en")),
        "kinds": (("music/*", "music"), ("*", "speech")),
        "joined": ("de/*", "en/*"),
    }
    return Package(**values | changes)


CONTENTS = {
    "de/eins.wav": tone(1.0, 300),
    "de/zwei.wav": tone(2.0, 400),
    "en/one.wav": tone(1.5, 500),
    "music/long.wav": tone(40.0, 600),
}


def test_short_files_of_a_recording_are_joined_and_long_ones_stay_long(tmp_path: Path):
    sounds = convert(speech(), Sources((), 99, max_s=600), CONTENTS.items(), tmp_path)
    assert {(s.recording, s.kind, s.duration_s) for s in sounds} == {
        ("prompts/voice-de", "speech", 3.3),  # and 0.15 s behind each
        ("prompts/voice-en", "speech", 1.65),
        ("prompts/music/long", "music", 40.0),
    }
    for sound in sounds:
        assert soundfile.info(tmp_path / sound.file).duration == pytest.approx(sound.duration_s)
        assert sound.file.endswith(".flac" if sound.kind == "music" else ".wav")
    (german,) = (sound for sound in sounds if sound.recording == "prompts/voice-de")
    assert german.source.endswith(" and 1 more")


def test_a_stream_of_joined_files_is_as_long_as_a_recording_may_be(tmp_path: Path):
    files = {f"de/{hertz}.wav": tone(1.0, hertz) for hertz in range(200, 1000, 100)}
    sounds = convert(speech(), Sources((), 99, max_s=3.0), files.items(), tmp_path)
    assert [sound.duration_s for sound in sounds] == pytest.approx([3.45, 3.45, 2.3])


def test_a_package_gives_no_more_minutes_than_it_may(tmp_path: Path):
    files = {f"music/{i}.wav": tone(6.0, 300 + i) for i in range(9)}
    sounds = convert(speech(minutes=0.25), Sources((), 99), files.items(), tmp_path)
    assert len(sounds) == 3
