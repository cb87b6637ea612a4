"""A local stack, run by its commands as a user runs it."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
import urllib3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from local.clients import local_session
from local.people import sign_in
from local.settings import REPOSITORY
from local.token import SCOPES, issue

PATIENCE_S = 120  # with a busy machine; urllib3 itself waits for 3

Found = TypeVar("Found")

# Settings of a user that must not reach the local stack.
USERS_SETTINGS = {
    "AWS_PROFILE": "a-profile-that-does-not-exist",
    "AWS_ACCESS_KEY_ID": "AKIAUSERSOWNKEY",
    "AWS_SECRET_ACCESS_KEY": "the-users-own-secret",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_DEFAULT_REGION": "eu-west-3",
    "HTTP_PROXY": "http://127.0.0.1:9",
}


@dataclass(frozen=True)
class LocalStack:
    """One local stack.

    Attributes:
        folder: its `EARSHOT_LOCAL_DIR`.
        port: its `PORT`.
        settings: further environment; unless it says otherwise, the stack asks for tokens.
    """

    folder: Path
    port: int
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m local.<command>` for this stack."""
        environment = os.environ | USERS_SETTINGS
        environment |= {"PORT": str(self.port), "EARSHOT_LOCAL_DIR": str(self.folder)}
        environment |= {"TOKENS": "on", "STATE": "off"} | self.settings
        return subprocess.run(
            [sys.executable, "-m", f"local.{command}", *arguments],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    @property
    def outputs(self) -> dict[str, Any]:
        """What `outputs.json` says."""
        content: dict[str, Any] = json.loads((self.folder / "outputs.json").read_text())
        return content

    @property
    def pid(self) -> int:
        """The emulator's process."""
        return int(json.loads((self.folder / "emulator.pid").read_text())["pid"])

    def token(self, *scopes: str) -> str:
        """A token for the HTTP API; with all scopes, unless some are named."""
        outputs = self.outputs
        pool, client = outputs["UserPoolId"], outputs["ServiceClientId"]
        return issue(outputs["endpoint"], pool, client, list(scopes) or list(SCOPES))

    def persons_token(self, group: str | None) -> str:
        """A token of somebody who is in this group of the user pool, or in none."""
        outputs = self.outputs
        pool, client = outputs["UserPoolId"], outputs["PeopleClientId"]
        return sign_in(outputs["endpoint"], pool, client, group)

    def expired_token(self) -> str:
        """A token as the emulator's Cognito signs it, but of yesterday."""
        head, claims, _ = self.token().split(".")  # Cognito makes its key for the first one
        (key_file,) = (self.folder / "tmp").rglob(f"{self.outputs['UserPoolId']}-access.pem")
        key = load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        content = json.loads(base64.urlsafe_b64decode(claims + "=="))
        content |= {"iat": content["iat"] - 86400, "exp": content["exp"] - 86400}
        claims = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
        signature = key.sign(f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{head}.{claims}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

    def request(
        self,
        method: str,
        route: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        token: str | None = "",
    ) -> urllib3.BaseHTTPResponse:
        """Call the HTTP API; with a token for everything unless another, or None, is given."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token or self.token()}"
        url = self.outputs["ApiUrl"] + route
        return urllib3.request(
            method, url, body=body, headers=sent, redirect=False, retries=False, timeout=PATIENCE_S
        )

    def call(self, method: str, route: str, content: Any = None) -> tuple[int, Any]:
        """Call the HTTP API with JSON; returns status and what the answer's JSON says."""
        headers = {} if content is None else {"Content-Type": "application/json"}
        body = None if content is None else json.dumps(content).encode()
        answer = self.request(method, route, body, headers)
        return answer.status, answer.json()

    def client(self, service: Any, session: boto3.Session | None = None) -> Any:
        """A boto3 client; of the root user, unless `session` is another's."""
        return (session or local_session()).client(service, endpoint_url=self.outputs["endpoint"])


@contextmanager
def up(folder: Path) -> Iterator[LocalStack]:
    """A stack that is up, and down afterwards."""
    stack = LocalStack(folder, free_port())
    started = stack.run("up")
    try:
        assert started.returncode == 0, started.stderr
        yield stack
    finally:
        stack.run("down")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], Found | None], seconds: float = PATIENCE_S) -> Found:
    """What a function returns as soon as that is something."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"waited in vain for {seconds} s"
        time.sleep(0.2)
    return found


def messages(stack: LocalStack, queue: str) -> int:
    """Messages in a queue, whether they wait or are being worked on."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs[queue], AttributeNames=names
    )
    return sum(int(answer["Attributes"][name]) for name in names)


def queue_runs_empty(stack: LocalStack) -> bool:
    """Wait until no upload waits to be classified."""
    return wait_for(lambda: messages(stack, "UploadsQueueUrl") == 0)
