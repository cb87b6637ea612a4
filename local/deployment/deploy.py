"""Deploy template.yaml to a running emulator."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError
from samtranslator.yaml_helper import yaml_parse

from earshot.model.registry import ModelRegistry
from earshot.yamnet.flatbuffer import FLATBUFFER_NAME
from local.clients import ACCESS_KEY_ID, SECRET_ACCESS_KEY, local_session
from local.deployment import small_setup
from local.deployment.function_sources import CodeObject, FunctionSource, Template, function_sources
from local.deployment.http_api import open_routes
from local.deployment.localize import definition_files, localize
from local.deployment.package import archive, bootstrap, hash_source
from local.settings import (
    LAYER,
    REGION,
    REPOSITORY,
    STACK_NAME,
    TEMPLATE,
    TRAINING,
    LocalStackError,
    Settings,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

CODE_BUCKET = "earshot-local-code"
API_ID = "earshot"
RETRAINING = "retrain.asl.yaml"


@dataclass(frozen=True)
class Deployment:
    """What a deployment came to.

    Attributes:
        outputs: what `outputs.json` holds.
        changed: False if the stack was already like the working copy.
    """

    outputs: dict[str, Any]
    changed: bool


def require_models(settings: Settings) -> None:
    """Raise `LocalStackError` unless YAMNet and the first model are there."""
    if not (settings.yamnet / FLATBUFFER_NAME).is_file():
        raise LocalStackError(
            f"There is no YAMNet in {settings.yamnet}. "
            "It comes with the repository; get it back from git."
        )
    if not (settings.model / "manifest.json").is_file():
        raise LocalStackError(
            f"There is no model in {settings.model}: its manifest.json is missing. "
            "v1 comes with the repository; get it back from git, or train one with `make train`."
        )


def deploy(settings: Settings) -> Deployment:
    """Create the stack, or bring it up to the working copy, and seed its first model."""
    session = local_session()
    cloudformation = session.client("cloudformation", endpoint_url=settings.endpoint)
    s3 = session.client("s3", endpoint_url=settings.endpoint)
    dynamodb = session.client("dynamodb", endpoint_url=settings.endpoint)

    template = yaml_parse(TEMPLATE.read_text())
    code = upload_code(s3, template, settings)
    # There need be no more functions at work than there are cores; AWS's own least is 2.
    concurrency = max(2, os.cpu_count() or 1)
    definitions = state_machines(template)
    template = localize(
        template,
        code,
        definitions,
        region=REGION,
        api_id=API_ID,
        api_url=api_url(settings),
        concurrency=concurrency,
    )
    template["Parameters"]["Bridge"]["Default"] = "true"  # so that a bridge can be tried
    if not settings.asks_for_tokens:
        template = open_routes(template)
    changed = apply_template(cloudformation, upload_template(s3, template, settings.endpoint))
    apply_time_to_live(dynamodb, cloudformation, template)
    outputs = collect_outputs(cloudformation, settings)

    registry = ModelRegistry(s3, outputs["ModelsBucketName"])
    seed_model(registry, settings.model, settings.yamnet)
    return Deployment(outputs, changed)


def state_machines(template: Template) -> dict[str, Template]:
    """Definition of each state machine; of retraining, where it can run."""
    return {
        name: yaml_parse((REPOSITORY / file).read_text())
        if file.name != RETRAINING or small_setup.can_train()
        else small_setup.DEFINITION
        for name, file in definition_files(template).items()
    }


def upload_code(s3: S3Client, template: Template, settings: Settings) -> dict[str, CodeObject]:
    """Put an archive for each function of the SAM template where the stack will look for it."""
    s3.create_bucket(Bucket=CODE_BUCKET)
    code = {}
    for name, source in function_sources(template).items():
        folders = source_folders(source)
        environment = {
            "PYTHONPATH": os.pathsep.join(str(f.parent if f == TRAINING else f) for f in folders),
            # As the Dockerfile sets them for the image.
            "YAMNET_DIR": str(settings.yamnet),
            "BUNDLED_MODEL_DIR": str(settings.model),
            "OPENBLAS_NUM_THREADS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }
        source_sha256 = hash_source([*folders, settings.model, settings.yamnet])
        script = bootstrap(sys.executable, environment, source_sha256)
        package = archive(script)
        code[name] = CodeObject(CODE_BUCKET, f"{name}/{hashlib.sha256(package).hexdigest()}.zip")
        s3.put_object(Bucket=CODE_BUCKET, Key=code[name].key, Body=package)
    return code


def source_folders(source: FunctionSource) -> list[Path]:
    """What the function's image or layer holds of this repository's Python."""
    folder = REPOSITORY / source.folder
    return [folder, LAYER, TRAINING] if folder.name == TRAINING.name else [folder, LAYER]


def upload_template(s3: S3Client, template: Template, endpoint: str) -> str:
    """Put the template where CloudFormation can fetch it: it is too long for a request."""
    body = json.dumps(template).encode()
    key = f"templates/{hashlib.sha256(body).hexdigest()}.json"
    s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=body)
    return f"{endpoint}/{CODE_BUCKET}/{key}"


def apply_template(cloudformation: CloudFormationClient, url: str) -> bool:
    """Create or update the stack. False if there was nothing to update."""
    try:
        if _exists(cloudformation):
            waiter: Any = cloudformation.get_waiter("stack_update_complete")
            cloudformation.update_stack(
                StackName=STACK_NAME, TemplateURL=url, Capabilities=["CAPABILITY_IAM"]
            )
        else:
            waiter = cloudformation.get_waiter("stack_create_complete")
            cloudformation.create_stack(
                StackName=STACK_NAME, TemplateURL=url, Capabilities=["CAPABILITY_IAM"]
            )
        waiter.wait(StackName=STACK_NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if message == "No updates are to be performed.":
            return False
        raise LocalStackError(f"The emulator refused template.yaml: {message}") from error
    except WaiterError as error:
        raise LocalStackError(
            f"The stack could not be deployed: {_failure(cloudformation)}"
        ) from error
    return True


def apply_time_to_live(
    dynamodb: DynamoDBClient, cloudformation: CloudFormationClient, template: Template
) -> None:
    """Switch on the expiry of rows, which the emulator's CloudFormation ignores."""
    for name, resource in template["Resources"].items():
        specification = resource.get("Properties", {}).get("TimeToLiveSpecification")
        if resource["Type"] != "AWS::DynamoDB::Table" or not specification:
            continue
        table = physical_id(cloudformation, name)
        state = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if state["TimeToLiveStatus"] == "DISABLED":
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)


def seed_model(registry: ModelRegistry, model: Path, yamnet: Path) -> None:
    """Publish the model version in this folder, unless the stack has a champion.

    A champion of a running stack may have been promoted since its start, so it stays.
    """
    if registry.champion() is None:
        flatbuffer = (yamnet / FLATBUFFER_NAME).read_bytes()
        version = registry.publish_folder(model, flatbuffer).version
        registry.promote(version, by="local.deploy", reason="the first model of the stack")


def collect_outputs(cloudformation: CloudFormationClient, settings: Settings) -> dict[str, Any]:
    """The stack's outputs, and what a client needs to reach it."""
    stack = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
    return {
        "endpoint": settings.endpoint,
        "port": settings.port,
        "region": REGION,
        "access_key_id": ACCESS_KEY_ID,
        "secret_access_key": SECRET_ACCESS_KEY,
        "stack_name": STACK_NAME,
        **outputs,
        "ApiUrl": api_url(settings),
        "TokenUrl": f"{settings.endpoint}/oauth2/token",
    }


def api_url(settings: Settings) -> str:
    """Address of the HTTP API."""
    return f"{settings.endpoint}/_aws/execute-api/{API_ID}"


def physical_id(cloudformation: CloudFormationClient, logical_id: str) -> str:
    answer = cloudformation.describe_stack_resource(
        StackName=STACK_NAME, LogicalResourceId=logical_id
    )
    return answer["StackResourceDetail"]["PhysicalResourceId"]


def _exists(cloudformation: CloudFormationClient) -> bool:
    try:
        cloudformation.describe_stacks(StackName=STACK_NAME)
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return False
        raise
    return True


def _failure(cloudformation: CloudFormationClient) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
    failed = [e for e in events if e.get("ResourceStatus", "").endswith("FAILED")]
    return "; ".join(
        f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', 'no reason given')}"
        for e in reversed(failed)
    )
