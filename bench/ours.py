"""The process that runs classify's own handler, and parts of its road by themselves.

It imports nothing before it is asked to but what Python itself has: its start is measured.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.answering import serve

_CONTEXT = SimpleNamespace(
    function_name="classify",
    memory_limit_in_mb=1769,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:classify",
    aws_request_id="1",
)


@cache
def _event(path: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(Path(path).read_text())
    return event


def handle(path: str) -> float:
    """Seconds that the handler takes for an event, from its bytes to the stored result."""
    from earshot_classify import app

    event = _event(path)
    began = time.perf_counter()
    answer = app.lambda_handler(event, _CONTEXT)
    seconds = time.perf_counter() - began
    if answer.get("statusCode", 200) != 200 or answer.get("batchItemFailures"):
        raise RuntimeError(f"the clip was not classified: {answer}")
    return seconds


def stub_dynamodb() -> None:
    """Answer DynamoDB's requests in this process, in place of sending them."""
    import boto3
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    class Body:
        """What botocore reads an answer from."""

        def stream(self) -> Iterator[bytes]:
            yield b"{}"

    def answer(request: Any, **_: Any) -> Any:
        return AWSResponse(request.url, 200, HTTPHeaders(), Body())

    boto3.setup_default_session()
    session: Any = boto3.DEFAULT_SESSION
    session.events.register("before-send.dynamodb.PutItem", answer)


def serve_for(path: str, seconds: float) -> int:
    """How many times the handler gets through an event in so many seconds."""
    n, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        handle(path)
        n += 1
    return n


@cache
def _kernel(wav: str, flatbuffer: str) -> tuple[Any, int]:
    from ai_edge_litert.interpreter import Interpreter

    from earshot.audio.log_mel import patch_batches

    (batch,) = patch_batches(_blocks(wav))
    interpreter = Interpreter(flatbuffer, num_threads=1)
    (slot,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(slot["index"], batch.patches.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(slot["index"], batch.patches)
    interpreter.invoke()
    return interpreter, len(batch.starts)


def kernel(wav: str, flatbuffer: str) -> float:
    """Seconds of nothing but LiteRT's run of a YAMNet on the patches of a clip, in one batch."""
    interpreter, _ = _kernel(wav, flatbuffer)
    began = time.perf_counter()
    interpreter.invoke()
    return time.perf_counter() - began


@cache
def _embedded(wav: str, yamnet: str) -> Any:
    from earshot.yamnet.embedding import embed_whole
    from earshot.yamnet.flatbuffer import Yamnet

    return embed_whole(_blocks(wav), Yamnet(Path(yamnet)))


@cache
def _head(head_npz: str) -> Any:
    import numpy as np

    from earshot.model.head import Head

    with np.load(head_npz) as arrays:
        return Head.from_arrays(dict(arrays))


def head(wav: str, yamnet: str, head_npz: str) -> float:
    """Seconds from YAMNet's output for a clip's patches to the clip's label and events."""
    from earshot.model.events import predict

    embedded, of_version = _embedded(wav, yamnet), _head(head_npz)
    began = time.perf_counter()
    logits = of_version.logits([of_version.blocks(embedded.embeddings, embedded.scores)])
    predict(of_version, logits, embedded.starts)
    return time.perf_counter() - began


def n_patches(wav: str, flatbuffer: str) -> int:
    """How many patches `kernel` runs on."""
    return _kernel(wav, flatbuffer)[1]


def _blocks(wav: str) -> list[Any]:
    from earshot.audio.clip import Clip

    with Path(wav).open("rb") as file, Clip(file) as clip:
        return list(clip.waveform_blocks())


def decode(wav: str) -> float:
    """Seconds from a file to the 16 kHz mono waveform at full scale."""
    began = time.perf_counter()
    _blocks(wav)
    return time.perf_counter() - began


def log_mel(wav: str) -> float:
    """Seconds from the waveform to the log-mel spectrogram."""
    import numpy as np

    from earshot.audio.log_mel import log_mel_spectrogram

    waveform = np.concatenate(_blocks(wav))
    began = time.perf_counter()
    log_mel_spectrogram(waveform)
    return time.perf_counter() - began


def peak_memory() -> int:
    """Resident bytes at their highest so far."""
    import resource
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    serve(
        {
            command.__name__: command
            for command in (
                *(handle, stub_dynamodb, serve_for, peak_memory),
                *(kernel, n_patches, head, decode, log_mel),
            )
        }
    )
