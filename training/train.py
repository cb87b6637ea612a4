"""`python -m training.train`: train a head on labelled clips and export it as a version."""

from __future__ import annotations

import argparse
from pathlib import Path

import keras

from earshot.yamnet import Yamnet
from training.dataset import labelled_clips
from training.export import write_version
from training.features import embed_clips, stack_patches
from training.network import build_head, head_arrays


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    keras.utils.set_random_seed(0)
    y = Yamnet(Path("models/yamnet"), 2)
    clips = labelled_clips(a.data)
    emb = embed_clips(clips, y)
    x, ids, w = stack_patches(clips, emb)
    net = build_head()
    net.compile(
        keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    net.fit(x, ids, sample_weight=w, epochs=15, batch_size=128, verbose=2)
    arrays = head_arrays(net)
    write_version(a.out, net, arrays, {}, parent=None, yamnet_weights_sha256=y.weights_sha256)


if __name__ == "__main__":
    main()
