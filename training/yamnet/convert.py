"""Convert YAMNet to the LiteRT flatbuffer that serving and training both run."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ai_edge_quantizer import qtyping, quantizer

from earshot.audio import log_mel
from earshot.yamnet.flatbuffer import CLASS_MAP_NAME, DESCRIPTION_NAME, FLATBUFFER_NAME
from training.yamnet.adapted import adapted
from training.yamnet.network import FIRST_CONVOLUTION, Layer, load_network, read_weights
from training.yamnet.tail import tapped
from training.yamnet.weights import obtain_saved_model

CLASS_MAP_SHA256 = "cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2"

_OUTPUTS = ("embeddings", "scores", "taps")
_PRECISION = b"pointwise convolutions in int8"
_INT8_WEIGHTS = qtyping.OpQuantizationConfig(
    weight_tensor_config=qtyping.TensorQuantizationConfig(
        num_bits=8, symmetric=True, granularity=qtyping.QuantGranularity.CHANNELWISE
    ),
    compute_precision=qtyping.ComputePrecision.INTEGER,
    explicit_dequantize=False,
)

logger = logging.getLogger(__name__)


def weights_digest(layers: Sequence[Layer]) -> str:
    """SHA-256 over all tensors in order, and how they are run.

    A head is valid for the YAMNet whose digest it was trained with.
    """
    digest = hashlib.sha256(_PRECISION)
    for layer in layers:
        for name in sorted(layer):
            digest.update(np.ascontiguousarray(layer[name], np.float32).tobytes())
    return digest.hexdigest()


def to_flatbuffer(network: keras.Model) -> bytes:
    """LiteRT flatbuffer of `network`, float32, for any number of patches.

    Its one signature maps ``patches`` to ``embeddings``, ``scores`` and, of a network with
    `tapped` outputs, ``taps``; the converter folds batch normalization into the convolutions.
    """
    names = _OUTPUTS[: len(network.outputs)]
    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.add_endpoint(
        name="serve",
        fn=lambda patches: dict(zip(names, network(patches, training=False), strict=True)),
        input_signature=[
            tf.TensorSpec((None, log_mel.PATCH_FRAMES, log_mel.MEL_BANDS), tf.float32, "patches")
        ],
    )
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        return bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


def with_int8_convolutions(flatbuffer: bytes) -> bytes:
    """The flatbuffer with the thirteen pointwise convolutions in 8-bit integers.

    They are 95 % of YAMNet's multiplications. Their weights have a scale for each output
    channel; their inputs are quantized as they come, by a scale for each patch, so that a patch's
    embedding does not depend on its batch. All else stays in float32: depthwise convolutions have
    few weights a channel, and XNNPACK has no kernel for them with inputs of unknown range.
    """
    recipe = quantizer.Quantizer(flatbuffer)
    convolution = qtyping.TFLOperationName.CONV_2D
    recipe.update_quantization_recipe(
        regex=".*",
        operation_name=convolution,
        op_config=_INT8_WEIGHTS,
        algorithm_key=quantizer.AlgorithmName.MIN_MAX_UNIFORM_QUANT,
    )
    recipe.update_quantization_recipe(
        regex=f".*{FIRST_CONVOLUTION}.*",  # not pointwise: it reads the log-mel patch
        operation_name=convolution,
        algorithm_key=quantizer.AlgorithmName.NO_QUANTIZE,
    )
    return bytes(recipe.quantize().quantized_model)


@dataclass(frozen=True)
class Published:
    """YAMNet as published.

    Attributes:
        layers: its weights.
        class_map: CSV of its classes.
        origin: where it came from.
    """

    layers: list[Layer]
    class_map: bytes
    origin: str


def fetch(source: str) -> Published:
    """Fetch YAMNet from a TF Hub handle or a SavedModel folder.

    Raises:
        ValueError: it is not YAMNet.
    """
    with tempfile.TemporaryDirectory() as scratch:
        saved_model = obtain_saved_model(source, Path(scratch))
        class_map = (saved_model.folder / "assets" / CLASS_MAP_NAME).read_bytes()
        if hashlib.sha256(class_map).hexdigest() != CLASS_MAP_SHA256:
            raise ValueError(f"{source} names other classes than YAMNet's 521")
        return Published(read_weights(saved_model.folder), class_map, saved_model.origin)


def convert(published: Published, out: Path, adaptation: Path | None, tap: bool = False) -> None:
    """Convert YAMNet, and write flatbuffer, class map and description.

    Args:
        published: as fetched.
        out: folder to write; it is replaced only when all files are written.
        adaptation: file of the tail's weights, if not the published ones.
        tap: also output the taps.
    """
    layers = adapted(published.layers, adaptation) if adaptation else published.layers
    network = load_network(layers)
    flatbuffer = with_int8_convolutions(to_flatbuffer(tapped(network) if tap else network))

    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / FLATBUFFER_NAME).write_bytes(flatbuffer)
    (partial / CLASS_MAP_NAME).write_bytes(published.class_map)
    description = {
        "source": published.origin,
        "adapted": adaptation is not None,
        "weights_sha256": weights_digest(layers),
        "flatbuffer_sha256": hashlib.sha256(flatbuffer).hexdigest(),
        "converter": f"tensorflow {tf.__version__}",
        "quantizer": f"ai-edge-quantizer {version('ai-edge-quantizer')}",
    }
    (partial / DESCRIPTION_NAME).write_text(json.dumps(description, indent=2) + "\n")
    shutil.rmtree(out, ignore_errors=True)
    partial.rename(out)
    logger.info("YAMNet converted: %s (%.1f MB)", out / FLATBUFFER_NAME, len(flatbuffer) / 1e6)
