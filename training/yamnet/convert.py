"""Convert YAMNet to the LiteRT flatbuffer that serving and training both run."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ai_edge_quantizer import qtyping, quantizer

from earshot import log_mel
from earshot.yamnet import CLASS_MAP_NAME, DESCRIPTION_NAME, FLATBUFFER_NAME
from training.yamnet.network import load_network, read_weights
from training.yamnet.weights import obtain_saved_model

CLASS_MAP_SHA256 = "cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2"

# The first convolution is not pointwise: it reads the log-mel patch. Its output's name tells it.
_FIRST_CONVOLUTION = r".*re_lu_1/.*"
_PRECISION = b"pointwise convolutions in int8"
_INT8_WEIGHTS = qtyping.OpQuantizationConfig(
    weight_tensor_config=qtyping.TensorQuantizationConfig(
        num_bits=8, symmetric=True, granularity=qtyping.QuantGranularity.CHANNELWISE
    ),
    compute_precision=qtyping.ComputePrecision.INTEGER,
    explicit_dequantize=False,
)

logger = logging.getLogger(__name__)


def weights_digest(layers: list[dict[str, np.ndarray]]) -> str:
    """SHA-256 over all tensors in order, and how they are run.

    It tells whether a head was trained on the embeddings of this YAMNet, from whichever source.
    """
    digest = hashlib.sha256(_PRECISION)
    for layer in layers:
        for name in sorted(layer):
            digest.update(np.ascontiguousarray(layer[name], np.float32).tobytes())
    return digest.hexdigest()


def to_flatbuffer(network: keras.Model) -> bytes:
    """LiteRT flatbuffer of `network`, float32, for any number of patches.

    Its one signature maps ``patches`` to ``embeddings`` and ``scores``; the converter folds batch
    normalisation into the convolutions.
    """
    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.add_endpoint(
        name="serve",
        fn=lambda patches: dict(
            zip(("embeddings", "scores"), network(patches, training=False), strict=True)
        ),
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
    channel; their inputs are quantised as they come, by a scale for each patch, so that a patch is
    heard alike whatever stands beside it. All else stays in float32: depthwise convolutions have
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
        regex=_FIRST_CONVOLUTION,
        operation_name=convolution,
        algorithm_key=quantizer.AlgorithmName.NO_QUANTIZE,
    )
    return bytes(recipe.quantize().quantized_model)


def convert(source: str, out: Path) -> None:
    """Fetch YAMNet from `source`, convert it, and write flatbuffer, class map and description.

    Args:
        source: TF Hub handle or SavedModel folder.
        out: folder to write to; it appears whole or not at all.
    """
    with tempfile.TemporaryDirectory() as scratch:
        saved_model = obtain_saved_model(source, Path(scratch))
        class_map = (saved_model.folder / "assets" / CLASS_MAP_NAME).read_bytes()
        if hashlib.sha256(class_map).hexdigest() != CLASS_MAP_SHA256:
            raise ValueError(f"{source} names other classes than YAMNet's 521")
        digest = weights_digest(read_weights(saved_model.folder))
        flatbuffer = with_int8_convolutions(to_flatbuffer(load_network(saved_model.folder)))

    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / FLATBUFFER_NAME).write_bytes(flatbuffer)
    (partial / CLASS_MAP_NAME).write_bytes(class_map)
    description = {
        "source": saved_model.origin,
        "weights_sha256": digest,
        "flatbuffer_sha256": hashlib.sha256(flatbuffer).hexdigest(),
        "converter": f"tensorflow {tf.__version__}",
        "quantizer": f"ai-edge-quantizer {version('ai-edge-quantizer')}",
    }
    (partial / DESCRIPTION_NAME).write_text(json.dumps(description, indent=2) + "\n")
    shutil.rmtree(out, ignore_errors=True)
    partial.rename(out)
    logger.info("YAMNet converted: %s (%.1f MB)", out / FLATBUFFER_NAME, len(flatbuffer) / 1e6)
