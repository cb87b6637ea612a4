"""Extra training sounds: the list of sources is sound, and its rules say what they mean."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from earshot.labels import LABELS
from training.data.open_audio import archives, synthetic_alarms
from training.data.open_audio.convert import decode, slug, spread
from training.data.open_audio.sources import RULE_ORDER, Package, SourcesError, read_sources

RESERVED = "scorched|cataclysm|cdogs|netpanzer|opensfx|dangerdeep|urbansound"
# DFSG-free, and none that forbids derived works or commercial use.
LICENCES = re.compile(
    r"(CC0-1\.0|CC-BY-[34]\.0|CC-BY-SA-(2\.0|3\.0|3\.0-US|4\.0)|L?GPL-[123]\.[01]-(only|or-later)"
    r"|GFDL-1\.3-or-later|BSD-3-Clause|Artistic-1\.0|MPL-2\.0|MIT|EPL-1\.0|WTFPL|LicenseRef-public-domain)"
)

SOURCES = read_sources()
ROOT = Path(__file__).parents[3]


def package(**changes: object) -> Package:
    values: dict[str, Any] = {
        "name": "game-data",
        "version": "1",
        "sha256": "0" * 64,
        "licence": "GPL-2.0-or-later",
        "root": "usr/",
        "rules": (("guns/*", "gunshot"), ("*laser*", ""), ("*", "casual")),
    }
    return Package(**values | changes)


def test_labels_are_those_of_the_classifier():
    assert set(RULE_ORDER) - {"drop"} == set(LABELS)


@pytest.mark.parametrize("listed", SOURCES.packages, ids=lambda listed: listed.name)
def test_listed_packages_are_pinned_licensed_and_not_reserved(listed: Package):
    assert re.fullmatch(r"[0-9a-f]{64}", listed.sha256)
    assert listed.version
    assert not re.search(RESERVED, listed.name, re.IGNORECASE)
    for licence in (listed.licence, *(licence for _, licence in listed.licences)):
        assert all(LICENCES.fullmatch(part) for part in licence.split(" OR ")), licence
    assert listed.rules
    assert {label for _, label in listed.rules} <= {*LABELS, ""}


def test_every_label_has_several_packages():
    for label in LABELS:
        n_packages = sum(
            any(rule_label == label for _, rule_label in listed.rules)
            for listed in SOURCES.packages
        )
        assert n_packages >= 10, label


def test_merged_recordings_are_of_listed_packages():
    names = {listed.name for listed in SOURCES.packages}
    for merged, into in SOURCES.same_recording.items():
        assert merged.partition("/")[0] in names
        assert into.partition("/")[0] in names
        assert into not in SOURCES.same_recording


def test_the_first_rule_that_matches_decides():
    game = package()
    assert game.label_of("guns/laser.ogg") == "gunshot"
    assert game.label_of("ui/laser.ogg") == ""
    assert game.label_of("ui/door.ogg") == "casual"
    assert package(rules=(("a/*", "siren"),)).label_of("b/c.ogg") == ""


def test_rules_are_read_in_the_order_that_the_file_documents(tmp_path: Path):
    path = tmp_path / "sources.toml"
    path.write_text(
        f'max_per_label = 9\n[[package]]\nname = "x"\nversion = "1"\nsha256 = "{"a" * 64}"\n'
        'licence = "CC0-1.0"\nroot = ""\ncasual = ["*"]\ndrop = ["gun*"]\ngunshot = ["gun1"]\n'
    )
    (listed,) = read_sources(path).packages
    assert [listed.label_of(name) for name in ("gun1", "gun2", "dog")] == ["gunshot", "", "casual"]


@pytest.mark.parametrize("wrong", ['sha256 = "abc"', f'sha256 = "{"a" * 64}"\ngunshots = ["*"]'])
def test_a_wrong_sources_file_is_refused(tmp_path: Path, wrong: str):
    path = tmp_path / "sources.toml"
    path.write_text(
        f'max_per_label = 9\n[[package]]\nname = "x"\nversion = "1"\n{wrong}\nlicence = "MIT"\n'
        'root = ""\n'
    )
    with pytest.raises(SourcesError):
        read_sources(path)


@pytest.mark.parametrize(
    ("path", "recording"),
    [
        ("guns/shot.ogg", "game-data/guns/shot"),
        ("guns/shot1.ogg", "game-data/guns/shot"),
        ("guns/shot-15x.ogg", "game-data/guns/shot"),
        ("guns/shot_2b.ogg", "game-data/guns/shot"),
        ("12.wav", "game-data/12"),
        ("7.wav", "game-data/7"),
        ("x2.wad!DSPOSIT1", "game-data/x2.wad!DSPOSIT"),
        ("door.close.2.wav", "game-data/door.close"),
    ],
)
def test_variants_of_a_sound_share_a_recording(path: str, recording: str):
    assert package().recording_of(path) == recording


def test_recordings_and_licences_can_be_named():
    game = package(recordings=(("speech/*", "voice"),), licences=(("speech/*", "CC0-1.0"),))
    assert game.recording_of("speech/hello.wav") == "game-data/voice"
    assert game.licence_of("speech/hello.wav") == "CC0-1.0"
    assert game.licence_of("guns/shot.wav") == "GPL-2.0-or-later"


def test_files_are_taken_from_many_recordings_first():
    files = {"a1": "a", "a2": "a", "a3": "a", "b1": "b", "c1": "c"}
    order = spread(files)
    assert sorted(order) == sorted(files)
    assert {files[path] for path in order[:3]} == {"a", "b", "c"}
    assert order == spread(dict(reversed(files.items())))


def test_file_names_are_plain():
    assert slug("a.pk3!sound/Alarm clock.ogg") == "a.pk3_sound_Alarm_clock"


def wav(samples: np.ndarray, rate: int = 16_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def test_sounds_are_cut_to_30_s_and_kept_within_full_scale():
    loud = decode(wav(2.0 * np.sin(np.arange(40 * 16_000) / 9)))
    assert loud is not None
    assert len(loud) == 30 * 16_000
    assert np.abs(loud).max() <= 1.0


@pytest.mark.parametrize(
    "data",
    [wav(np.zeros(16_000)), wav(np.ones(800)), b"no sound"],
    ids=["silence", "too short", "not audio"],
)
def test_what_is_silent_short_or_unreadable_is_left_out(data: bytes):
    assert decode(data) is None


def test_zip_archives_are_opened():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("sound/a.wav", b"RIFF")
    assert {n: read() for n, read in archives.zipped(file.getvalue())} == {"sound/a.wav": b"RIFF"}


def test_doom_sounds_become_wav():
    samples = np.full(16 + 100 + 16, 192, np.uint8)
    lump = struct.pack("<HHI", 3, 11_025, len(samples)) + samples.tobytes()
    wad = struct.pack("<4sii", b"PWAD", 2, 12 + len(lump)) + lump
    wad += struct.pack("<ii8s", 12, len(lump), b"DSPISTOL") + struct.pack("<ii8s", 12, 0, b"MAP01")
    ((name, read),) = archives.doom_wad(wad)
    sound, rate = soundfile.read(io.BytesIO(read()))
    assert (name, rate, len(sound)) == ("DSPISTOL", 11_025, 100)
    assert sound == pytest.approx(0.5, abs=1e-3)


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def test_samples_of_soundfonts_become_wav():
    samples = np.arange(100, dtype="<i2")

    def header(name: bytes, start: int, end: int, kind: int) -> bytes:
        return struct.pack("<20s5IBbHH", name, start, end, 0, 0, 22_050, 60, 0, 0, kind)

    headers = header(b"Gun", 10, 60, 1) + header(b"ROM", 0, 50, 0x8001) + header(b"EOS", 0, 0, 0)
    font = b"sfbk" + chunk(b"LIST", b"INFO" + chunk(b"ICRD", b"odd"))
    font += chunk(b"LIST", b"sdta" + chunk(b"smpl", samples.tobytes()))
    font += chunk(b"LIST", b"pdta" + chunk(b"shdr", headers))
    ((name, read),) = archives.soundfont(chunk(b"RIFF", font))
    sound, rate = soundfile.read(io.BytesIO(read()), dtype="int16")
    assert (name, rate) == ("Gun", 22_050)
    assert sound.tolist() == list(range(10, 60))


def test_sounds_of_liero_become_wav():
    samples = bytes([0, 64, 128, 192])  # signed: 0, 64, -128, -64
    data = struct.pack("<H8sII", 1, b"SHOTGUN", 18, len(samples)) + samples
    ((name, read),) = archives.liero_sounds(data)
    sound, rate = soundfile.read(io.BytesIO(read()), dtype="int16")
    assert (name, rate, sound.tolist()) == ("SHOTGUN", 22_050, [0, 16_384, -32_768, -16_384])


def triplane(contents: dict[str, bytes]) -> bytes:
    start = 20 + 23 * (len(contents) + 1)
    directory, body = b"DKS Datafile\n\x1a\n" + bytes(5), b""
    for name, content in contents.items():
        directory += struct.pack("<7sQQ", name.encode(), start + len(body), len(content))
        body += content
    return directory + bytes(23) + body


def seven_kingdoms(contents: dict[str, bytes]) -> bytes:
    start = 2 + 13 * (len(contents) + 1)
    directory, body = struct.pack("<H", len(contents) + 1), b""
    for name, content in (*contents.items(), ("", b"")):
        directory += struct.pack("<9sI", name.encode(), start + len(body))
        body += content
    return directory + body


def luola(contents: dict[str, bytes]) -> bytes:
    start = 8 + sum(1 + len(name) - 1 + 10 for name in contents)
    directory, body = b"LDAT" + struct.pack("<HH", 1, len(contents)), b""
    for name, content in contents.items():
        kind = name[:-1].encode()
        directory += bytes([len(kind)]) + kind
        directory += struct.pack("<HII", int(name[-1]), start + len(body), len(content))
        body += content
    return directory + body


@pytest.mark.parametrize(
    ("pack", "unpack"),
    [
        (triplane, archives.triplane_data),
        (seven_kingdoms, archives.seven_kingdoms_resource),
        (luola, archives.luola_data),
    ],
)
def test_archives_of_games_are_opened(pack, unpack):
    contents = {"SFX0": b"RIFF first", "SFX1": b"RIFF the second"}
    assert {name: read() for name, read in unpack(pack(contents))} == contents


def test_synthesised_sounds_are_audible_and_the_same_each_time():
    tones = list(synthetic_alarms.tones())
    again = list(synthetic_alarms.tones())
    assert {tone.label for tone in tones} == {"siren", "casual"}
    assert len({tone.name for tone in tones}) == len(tones)
    for tone, other in zip(tones, again, strict=True):
        assert np.isfinite(tone.waveform).all()
        assert 0.1 < np.abs(tone.waveform).max() <= 1.0
        assert np.array_equal(tone.waveform, other.waveform)


def test_no_audio_is_kept_in_the_repository():
    kinds = {".wav", ".ogg", ".oga", ".flac", ".deb", ".mp3"}
    assert not [path for path in (ROOT / "training").rglob("*") if path.suffix in kinds]
