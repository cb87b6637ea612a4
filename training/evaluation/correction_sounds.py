"""Sounds of `make correction-trials`: segments of everyday sound, and labeled clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.errors import RejectedClipError
from earshot.labels import Label
from earshot.model.versions import sha256_hex
from earshot.yamnet.embedding import embed_whole
from earshot.yamnet.flatbuffer import Yamnet
from training.data.clip_features import ClipFeatures, ClipRecord, concatenate, of_clip
from training.data.labeled_clips import decodable_clips
from training.evaluation.ambient import AmbientRecording, Cut, ambient_recordings, pieces
from training.evaluation.mute_sounds import SEGMENT_S
from training.evaluation.progress import progress
from training.evaluation.scores import full_scale_waveform


@dataclass(frozen=True)
class Segment:
    """A segment of casual sound.

    Attributes:
        stream: the file that it is of.
        recording: that it is of; a stream may be joined from several.
        start_s, duration_s: where in the stream it lies, in seconds.
    """

    stream: AmbientRecording
    recording: str
    start_s: float
    duration_s: float

    @property
    def name(self) -> str:
        return f"{self.stream.path.name} {self.start_s:.2f}"

    def read(self) -> Floats:
        """``(samples,)`` at 16 kHz."""
        return self.stream.read(self.start_s, self.duration_s)


@dataclass(frozen=True)
class Sounds:
    """What the candidates of all trials are measured on.

    Attributes:
        segments: of everyday sound, all casual; `features` are theirs.
        labeled: names of folders of labeled clips, and their features.
    """

    segments: list[Segment]
    features: ClipFeatures
    labeled: dict[str, ClipFeatures]


def segments_of(recordings: Sequence[AmbientRecording]) -> Iterator[tuple[Segment, Floats]]:
    """Segments of up to 10 s, each within one recording, with their waveforms."""
    for stream in progress(recordings, "everyday sound"):
        waveform = stream.read()
        whole = [Cut(stream.path.name, 0.0, len(waveform) / SAMPLE_RATE)]
        for cut in stream.cuts or whole:
            first = round(cut.start_s * SAMPLE_RATE)
            of_cut = waveform[first : first + round(cut.duration_s * SAMPLE_RATE)]
            for start_s, piece in pieces(of_cut, SEGMENT_S, 1.0):
                place = cut.start_s + start_s, len(piece) / SAMPLE_RATE
                yield Segment(stream, f"{stream.path.name} {cut.recording}", *place), piece


def features_of(waveform: Floats, name: str, label: Label, yamnet: Yamnet) -> ClipFeatures:
    """Features of a waveform as the service computes them."""
    patches = embed_whole([full_scale_waveform(waveform)], yamnet)
    record = ClipRecord(
        sha256=sha256_hex(name.encode()),
        label=label,
        key=name,
        n_patches=len(patches.starts),
        duration_s=len(waveform) / SAMPLE_RATE,
    )
    return of_clip(record, patches)


def features_of_folder(folder: Path, yamnet: Yamnet) -> ClipFeatures:
    """Features of the labeled clips in a folder that can be decoded."""
    found = []
    for clip in progress(decodable_clips(folder), folder.name):
        try:
            waveform = full_scale_waveform(clip.path)
        except RejectedClipError:
            continue
        found.append(features_of(waveform, clip.group, clip.label, yamnet))
    return concatenate(found)


def everyday(folders: Sequence[Path], yamnet: Yamnet) -> tuple[list[Segment], ClipFeatures]:
    """All casual segments of folders of everyday sound, and their features."""
    recordings = [
        recording
        for folder in folders
        for recording in ambient_recordings(folder)
        if recording.label is Label.CASUAL
    ]
    segments, found = [], []
    for segment, waveform in segments_of(recordings):
        segments.append(segment)
        found.append(features_of(waveform, segment.name, Label.CASUAL, yamnet))
    return segments, concatenate(found)
