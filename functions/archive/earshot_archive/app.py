"""Entry point: the steps of an archive that classify nothing, which the state machine calls."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from earshot.archives.plan import Archive
from earshot.archives.summary import summarize
from earshot.aws.errors import logged_with_cause
from earshot_archive.wiring import files, planner, settings

RESERVE_MS = 60_000  # of an invocation, for the last page of a listing and the parts

logger = Logger(service="archive")


@logger.inject_lambda_context(clear_state=True)
@logged_with_cause(logger.exception)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do the step that the event names; the state machine retries errors."""
    logger.append_keys(step=event["step"])
    answer: dict[str, Any]
    if event["step"] == "plan":
        archive = Archive.from_input(event["run"], event["input"], settings().concurrency)
        logger.append_keys(archive=archive.name)
        plan = planner().plan(archive, lambda: context.get_remaining_time_in_millis() > RESERVE_MS)
        answer = {
            "archive": asdict(archive),
            "plan": asdict(plan),
            "bucket": files().bucket,
            "batches": files().key(archive.name, "batches/"),
            "parts": files().key(archive.name, "parts/"),
            "map": files().key(archive.name, "map"),
        }
    elif event["step"] == "parquet":
        from earshot_archive.parquet import write_part  # DuckDB, for this step alone

        answer = write_part(files(), event["archive"]["name"], event["part"])
    else:
        answer = summarize(files(), event["archive"]["name"])
    logger.info("step done", answer=answer)
    return answer
