"""What is measured of classify: each function gives one or more top-level keys of the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.aws import aws
from bench.clips import SHORT_S, short_clip, studio_clip, write_long_clip
from bench.events import object_path, post_event, upload_event
from bench.measure import interleaved, ratio, spread
from bench.reference import FLOAT32_FLATBUFFER
from bench.serving import classify
from bench.worker import Worker
from earshot.model.versions import HEAD_NAME
from earshot.yamnet.flatbuffer import FLATBUFFER_NAME
from local.settings import FIRST_MODEL, YAMNET

_MB = 1e6
SERVED_FLATBUFFER = YAMNET / FLATBUFFER_NAME
NOWHERE = "http://127.0.0.1:9"  # for what calls no AWS service


@dataclass(frozen=True)
class Effort:
    """How thoroughly to measure.

    Attributes:
        starts: of a fresh process on each side.
        rounds: of what takes milliseconds.
        long_s: seconds of the long clip; 52 min of 16 kHz 16-bit mono are 100 MB.
        long_rounds: of the long clip.
        busy_s: of each round of throughput.
    """

    starts: int = 7
    rounds: int = 60
    long_s: float = 52 * 60
    long_rounds: int = 3
    busy_s: float = 2.0


QUICK = Effort(starts=1, rounds=3, long_s=30, long_rounds=1, busy_s=0.5)


def cold_start(folder: Path, effort: Effort) -> dict[str, Any]:
    """A fresh process until its first ten seconds of sound are classified."""
    wav = _short(folder)
    event = post_event(folder, wav.read_bytes())
    with aws({}) as endpoint:

        def ours() -> float:
            return _first_answer(lambda: classify(endpoint), "handle", event)

        def reference() -> float:
            return _first_answer(lambda: Worker("bench.reference"), "classify", wav)

        seconds = interleaved({"ours": ours, "reference": reference}, effort.starts)
    return {"cold_start": _comparison(seconds)}


def warm_clip(folder: Path, effort: Effort) -> dict[str, Any]:
    """Ten seconds from bytes to the result: the handler, LiteRT by itself, and TensorFlow.

    LiteRT runs the published YAMNet, in float32, and the one that is served. Each has one core, as
    Lambda gives with 1769 MB; TensorFlow is measured on all cores as well.
    """
    wav = _short(folder)
    event = post_event(folder, wav.read_bytes())
    with (
        aws({}) as endpoint,
        classify(endpoint, one_core=True) as ours,
        classify(endpoint, one_core=True) as kernel,
        Worker("bench.reference", one_core=True) as reference,
        Worker("bench.reference") as reference_on_all_cores,
    ):
        ours.ask("stub_dynamodb")
        calls = {
            "ours": ours.seconds("handle", str(event)),
            "kernel": kernel.seconds("kernel", str(wav), str(FLOAT32_FLATBUFFER)),
            "served_kernel": kernel.seconds("kernel", str(wav), str(SERVED_FLATBUFFER)),
            "tensorflow": reference.seconds("classify", str(wav)),
            "tensorflow_on_all_cores": reference_on_all_cores.seconds("classify", str(wav)),
        }
        interleaved(calls, 3)  # to warm up
        seconds = interleaved(calls, effort.rounds)
        n_patches = kernel.ask("n_patches", str(wav), str(SERVED_FLATBUFFER))
    ratios = {name: ratio(seconds["ours"], seconds[name]) for name in calls if name != "ours"}
    return {
        "warm_clip": {
            "ratio_to_kernel": ratios["kernel"]["median"],
            "ratio_to_served_kernel": ratios["served_kernel"]["median"],
            "ratio_to_tensorflow": ratios["tensorflow"]["median"],
            "patches": n_patches,
            **{f"ratio_to_{name}_spread": found for name, found in ratios.items()},
            **{f"{name}_s": spread(values) for name, values in seconds.items()},
        }
    }


def head(folder: Path, effort: Effort) -> dict[str, Any]:
    """From YAMNet's output for ten seconds to label and events, against YAMNet's own time."""
    wav = str(_short(folder))
    with aws({}) as endpoint, classify(endpoint, one_core=True) as worker:
        calls = {
            "ours": worker.seconds("head", wav, str(YAMNET), str(FIRST_MODEL / HEAD_NAME)),
            "kernel": worker.seconds("kernel", wav, str(FLOAT32_FLATBUFFER)),
            "served_kernel": worker.seconds("kernel", wav, str(SERVED_FLATBUFFER)),
        }
        interleaved(calls, 3)  # to warm up
        seconds = interleaved(calls, effort.rounds)
    ratios = {name: ratio(seconds["ours"], seconds[name]) for name in ("kernel", "served_kernel")}
    return {
        "head": {
            **{f"ratio_to_{name}": found["median"] for name, found in ratios.items()},
            **{f"ratio_to_{name}_spread": found for name, found in ratios.items()},
            **{f"{name}_s": spread(values) for name, values in seconds.items()},
        }
    }


def posted_clip(folder: Path, effort: Effort) -> dict[str, Any]:
    """Ten seconds, posted, where posted clips are kept and where they are not."""
    event = str(post_event(folder, _short(folder).read_bytes()))
    with (
        aws({}) as endpoint,
        classify(endpoint, one_core=True, keeps_posted=True) as keeps,
        classify(endpoint, one_core=True) as drops,
    ):
        for side in (keeps, drops):
            side.ask("stub_dynamodb")
        calls = {"keeps": keeps.seconds("handle", event), "drops": drops.seconds("handle", event)}
        interleaved(calls, 3)  # to warm up
        seconds = interleaved(calls, effort.rounds)
    found = ratio(seconds["keeps"], seconds["drops"])
    sides = {f"{name}_s": spread(values) for name, values in seconds.items()}
    return {"posted_clip": {"ratio": found["median"], "ratio_spread": found, **sides}}


def long_clip(folder: Path, effort: Effort) -> dict[str, Any]:
    """Uploads of 100 MB and of ten seconds: time for a second of sound, and memory."""
    short, long = _short(folder), folder / "long.wav"
    write_long_clip(long, effort.long_s)
    objects = {object_path(clip): clip for clip in (short, long)}
    with (
        aws(objects) as endpoint,
        classify(endpoint) as ours,
    ):
        short_event, long_event = (str(upload_event(folder, clip)) for clip in (short, long))
        for _ in range(3):
            ours.ask("handle", short_event)
        idle = ours.memory()

        def short_clips() -> float:
            return median(map(float, (ours.ask("handle", short_event) for _ in range(9)))) / SHORT_S

        calls = {
            "long": lambda: ours.ask("handle", long_event) / effort.long_s,
            "short": short_clips,
        }
        seconds = interleaved(calls, effort.long_rounds)
        peak = ours.ask("peak_memory")
    growth = ratio(seconds["long"], seconds["short"])
    return {
        "long_clip": {
            "ratio": growth["median"],
            "ratio_spread": growth,
            "duration_s": effort.long_s,
            "size_mb": round(long.stat().st_size / _MB, 1),
            "seconds_a_second_of_sound": spread(seconds["long"], digits=7),
            "short_seconds_a_second_of_sound": spread(seconds["short"], digits=7),
            "idle_mb": round(idle / _MB, 1),
            "peak_above_idle_mb": round((peak - idle) / _MB, 1),
        }
    }


def front_end(folder: Path, effort: Effort) -> dict[str, Any]:
    """Ten seconds to the log-mel spectrogram: ours, `tf.signal`, librosa."""
    wav = str(_short(folder))
    with (
        classify(NOWHERE) as ours,
        Worker("bench.reference") as reference,
    ):
        calls = {
            "ours": ours.seconds("log_mel", wav),
            "tensorflow": reference.seconds("log_mel_tensorflow", wav),
            "librosa": reference.seconds("log_mel_librosa", wav),
        }
        interleaved(calls, 3)
        seconds = interleaved(calls, effort.rounds)
    return {
        "front_end": {
            "ratio_to_tensorflow": ratio(seconds["ours"], seconds["tensorflow"])["median"],
            "ratio_to_librosa": ratio(seconds["ours"], seconds["librosa"])["median"],
            **{f"{name}_s": spread(values, digits=6) for name, values in seconds.items()},
        }
    }


def decode(folder: Path, effort: Effort) -> dict[str, Any]:
    """Ten seconds to the 16 kHz waveform: 48 kHz 24-bit stereo against what needs no resampling."""
    plain, studio = _short(folder), folder / "studio.wav"
    studio.write_bytes(studio_clip())
    with classify(NOWHERE) as ours:
        calls = {
            "studio": ours.seconds("decode", str(studio)),
            "plain": ours.seconds("decode", str(plain)),
        }
        interleaved(calls, 3)
        seconds = interleaved(calls, effort.rounds)
    return {
        "decode": {
            "ratio": ratio(seconds["studio"], seconds["plain"])["median"],
            "48_khz_stereo_24_bit_s": spread(seconds["studio"], digits=6),
            "16_khz_mono_16_bit_s": spread(seconds["plain"], digits=6),
        }
    }


def scaling(folder: Path, effort: Effort) -> dict[str, Any]:
    """Clips of ten seconds a second: one process, two, one of two threads, the bare kernels."""
    wav = _short(folder)
    event = str(post_event(folder, wav.read_bytes()))
    with ExitStack() as stack:
        endpoint = stack.enter_context(aws({}))
        workers = [stack.enter_context(classify(endpoint)) for _ in range(2)]
        # Twice the memory buys a second vCPU, which classify gives a second thread.
        wide = stack.enter_context(classify(endpoint, memory_mb=2 * 1769))
        for worker in (*workers, wide):
            worker.ask("stub_dynamodb")
            worker.ask("handle", event)

        def rate(some: list[Worker]) -> float:
            began = time.perf_counter()
            with ThreadPoolExecutor(len(some)) as pool:
                clips = list(pool.map(lambda w: w.ask("serve_for", event, effort.busy_s), some))
            return float(sum(clips)) / (time.perf_counter() - began)

        def kernel_rate(flatbuffer: Path) -> float:
            kernel = workers[0].seconds("kernel", str(wav), str(flatbuffer))
            return 1 / median(kernel() for _ in range(9))

        calls = {
            "kernel": lambda: kernel_rate(FLOAT32_FLATBUFFER),
            "served_kernel": lambda: kernel_rate(SERVED_FLATBUFFER),
            "one": lambda: rate(workers[:1]),
            "two": lambda: rate(workers),
            "wide": lambda: rate([wide]),
        }
        clips_per_s = interleaved(calls, max(3, effort.starts))
    return {
        "scaling": {
            "two_to_one": ratio(clips_per_s["two"], clips_per_s["one"])["median"],
            "two_threads_to_one": ratio(clips_per_s["wide"], clips_per_s["one"])["median"],
            "per_core_to_kernel": ratio(clips_per_s["one"], clips_per_s["kernel"])["median"],
            "per_core_to_served_kernel": ratio(clips_per_s["one"], clips_per_s["served_kernel"])[
                "median"
            ],
            "clips_per_s_1_worker": spread(clips_per_s["one"], digits=2),
            "clips_per_s_2_workers": spread(clips_per_s["two"], digits=2),
            "clips_per_s_2_threads": spread(clips_per_s["wide"], digits=2),
            "clips_per_s_bare_kernel": spread(clips_per_s["kernel"], digits=2),
            "clips_per_s_served_kernel": spread(clips_per_s["served_kernel"], digits=2),
        }
    }


def _short(folder: Path) -> Path:
    path = folder / "short.wav"
    if not path.is_file():
        path.write_bytes(short_clip())
    return path


def _first_answer(start: Callable[[], Worker], command: str, path: Path) -> float:
    began = time.perf_counter()
    with start() as worker:
        worker.ask(command, str(path))
        return time.perf_counter() - began


def _comparison(seconds: dict[str, list[float]]) -> dict[str, Any]:
    compared = ratio(seconds["ours"], seconds["reference"])
    return {
        "ratio": compared["median"],
        "ours_s": spread(seconds["ours"])["median"],
        "reference_s": spread(seconds["reference"])["median"],
        "ratio_spread": compared,
        "ours_spread_s": spread(seconds["ours"]),
        "reference_spread_s": spread(seconds["reference"]),
    }
