"""classify for archives: one batch of an archive's clips, which the state machine hands out."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from earshot.archives.archive_files import ARCHIVES_PREFIX, results_file
from earshot.archives.archived_clips import ArchivedClip
from earshot.archives.plan import Archive
from earshot.aws.errors import logged_with_cause
from earshot.classification.service import ClassifyService
from earshot.errors import UnavailableError
from earshot.results.serialization import to_json
from earshot_classify.settings import on_lambda
from earshot_classify.wiring import archive_files, archive_service

FAILED = "failed"  # status of a clip that the software failed on, in files of archives alone

logger = Logger(service="archive-classify")


@logger.inject_lambda_context(clear_state=True)
@logged_with_cause(logger.exception)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Classify a batch and write its results, unless that was done before.

    Args:
        event: `archive`, as `earshot.archives.plan.Archive`, and `batch`, the key of its batch.
        context: of the invocation.
    """
    archive = Archive(**event["archive"])
    batch: str = event["batch"]
    name = batch.removeprefix(f"{ARCHIVES_PREFIX}{archive.name}/")
    logger.append_keys(archive=archive.name, batch=name)
    files = archive_files()
    if files.exists(files.key(archive.name, results_file(name))):
        logger.info("batch classified before")
        return {"batch": name, "clips": 0}
    clips = [ArchivedClip(*row) for row in files.read_json(archive.name, name)]
    service = archive_service(archive.name if archive.keep_in_table else None)
    rows = [classify(service, archive, clip) for clip in clips]
    files.write_lines(archive.name, results_file(name), rows)
    logger.info("batch classified", clips=len(rows))
    return {"batch": name, "clips": len(rows)}


def classify(service: ClassifyService, archive: Archive, clip: ArchivedClip) -> dict[str, Any]:
    """Row of a clip. One that the software fails on does not take the others with it.

    Raises:
        UnavailableError: a store failed; the batch is tried again.
    """
    upload = clip.upload(archive.bucket)
    source = archive.source or clip.source(archive.prefix)
    try:
        return to_json(service.classify_upload(upload, source))
    except UnavailableError:
        raise
    except Exception as error:
        logger.exception("clip failed", key=clip.key)
        reason = {"code": FAILED, "detail": repr(error)}
        return {
            "clip_id": clip.clip_id(archive.bucket),
            "source": source,
            "bucket": archive.bucket,
            "key": clip.key,
            "status": FAILED,
            "reason": reason,
        }


if on_lambda():
    with logged_with_cause(logger.exception):
        archive_service(None)  # while Lambda initializes, it lends more CPU than later
