"""Entry point: the steps of a retraining that need a model, which the state machine calls."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from earshot.aws.errors import logged_with_cause
from earshot.retraining.plan import Batch
from earshot.retraining.steps import FEATURES_FOLDER
from earshot_training.wiring import parts

logger = Logger(service="training")


@logger.inject_lambda_context(clear_state=True)
@logged_with_cause(logger.exception)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do the step that the event names; the state machine retries or catches errors."""
    logger.append_keys(run=event["run"], step=event["step"])
    answer = {"embed": embed, "train": train, "evaluate": evaluate}[event["step"]](event)
    logger.info("step done", answer=answer)
    return answer


def embed(event: dict[str, Any]) -> dict[str, Any]:
    """Embed one batch and write its features."""
    from training.steps.embed import embed_batch

    batch = Batch.from_json(event["batch"])
    yamnet = parts().yamnets.of(event["batch"].get("yamnet"))
    embedded = embed_batch(
        batch,
        lambda clip: parts().clips.read(clip.key, clip.version_id),
        yamnet,
        event["batch"]["augmentations"],
        event["batch"]["seed"],
    )
    name = f"{FEATURES_FOLDER}{batch.index:06}.npz"
    features = embedded.features.to_npz(rejected=embedded.rejected, yamnet_sha256=yamnet.sha256)
    parts().files.write(event["run"], name, features)
    return {"batch": batch.index, "clips": len(batch.clips), "rejected": len(embedded.rejected)}


def train(event: dict[str, Any]) -> dict[str, Any]:
    """Fit the candidate. On a new stack, the bundled model becomes the champion before."""
    from training.steps.train import seed_first_champion, train

    seed_first_champion(parts().registry, parts().bundled_model_dir, parts().flatbuffer)
    return train(
        event["run"], parts().files, parts().registry, parts().yamnets, parts().traces.erased()
    )


def evaluate(event: dict[str, Any]) -> dict[str, Any]:
    """Evaluate candidate and champion."""
    from training.steps.evaluate import evaluate

    return evaluate(event["run"], parts().files, parts().registry)
