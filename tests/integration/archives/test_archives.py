"""An archive on the local stack: every clip once, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid

import pytest

from local.settings import REPOSITORY, STACK_NAME
from tests.archives.run import ArchiveRun, put_clips
from tests.stack import LocalStack


@pytest.fixture(scope="module")
def run(local_stack: LocalStack) -> ArchiveRun:
    return ArchiveRun(local_stack.outputs, local_stack.pid)


def test_a_killed_worker_costs_no_clip_and_doubles_none(
    local_stack: LocalStack, run: ArchiveRun
) -> None:
    prefix = f"archive/{uuid.uuid4().hex}/"
    put_clips(run, prefix, 24)
    broken = f"{prefix}gate 1/broken.wav"
    run.s3.put_object(Bucket=run.bucket, Key=broken, Body=b"no sound")
    name = prefix.split("/")[1]
    asked = {"name": name, "prefix": prefix, "keep_in_table": True, "clips_a_batch": 5}
    execution = run.start(asked)
    assert run.kill_workers(execution, [run.rows() + 3]) == 1
    summary = run.finish(execution)
    assert (summary["planned"], summary["results"], summary["missing_batches"]) == (25, 25, 0)
    assert summary["counts"]["rejected"] == 1
    figures = run.figures(name, prefix)
    assert figures == {
        "expected": 25,
        **dict.fromkeys(("rows", "JSON", "Parquet"), 25),
        **dict.fromkeys(("lost", "doubled", "others"), 0),
    }
    sources = {row["source"] for row in run.parquet(name)}
    assert sources == {f"gate {n}" for n in range(10)}
    # Once more: nothing is classified again.
    before = {row["clip_id"]: row["timestamp"] for row in run.parquet(name)}
    assert run.finish(run.start(asked)) == summary
    assert {row["clip_id"]: row["timestamp"] for row in run.parquet(name)} == before


def test_the_command_says_what_it_costs_and_shows_what_came_of_it(
    local_stack: LocalStack, run: ArchiveRun
) -> None:
    prefix = f"archive/{uuid.uuid4().hex}/"
    put_clips(run, prefix, 3)
    before = run.rows()
    address = f"s3://{run.bucket}/{prefix}"
    refused = command(local_stack, "no\n", address)
    assert refused.returncode == 1
    assert "3 clips, 0.0 MB: about $0.00" in refused.stderr
    done = command(local_stack, "yes\n", address, "--max-clips", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert "2 clips" in done.stderr
    summary = json.loads(done.stdout)
    assert (summary["planned"], summary["results"]) == (2, 2)
    assert len(run.parquet(summary["archive"])) == 2
    assert run.rows() == before, "no one asked for rows in the table"


def test_results_of_archives_raise_no_alerts(local_stack: LocalStack, run: ArchiveRun) -> None:
    mappings = local_stack.client("lambda").list_event_source_mappings(
        FunctionName=local_stack.outputs["AlertFunctionName"]
    )
    (mapping,) = mappings["EventSourceMappings"]
    (found,) = mapping["FilterCriteria"]["Filters"]
    pattern = json.loads(found["Pattern"])
    assert pattern["dynamodb"]["NewImage"]["archive"] == {"S": [{"exists": False}]}


def command(stack: LocalStack, answer: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `earshot archive`, with the local stack as AWS."""
    outputs = stack.outputs
    environment = os.environ | {
        "AWS_ENDPOINT_URL": outputs["endpoint"],
        "AWS_DEFAULT_REGION": outputs["region"],
        "AWS_ACCESS_KEY_ID": outputs["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": outputs["secret_access_key"],
        "EARSHOT_STACK": STACK_NAME,
    }
    return subprocess.run(
        [sys.executable, "-m", "earshot_client.cli", "archive", *arguments],
        cwd=REPOSITORY,
        env=environment,
        input=answer,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
