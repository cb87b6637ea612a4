"""`python -m local.token SCOPE…`: a token for the local stack's HTTP API.

The emulator's Cognito issues it to the template's own service client, as on AWS; with `--group`, to
a person who is in that group.
"""

from __future__ import annotations

import argparse
import json
import sys

import urllib3

from earshot.http.groups import SCOPES_OF_GROUPS
from local.clients import forget_aws_settings, local_session
from local.people import sign_in
from local.settings import LocalStackError, Settings

SCOPES = ("predict", "read", "train", "admin")


def issue(endpoint: str, user_pool_id: str, client_id: str, scopes: list[str]) -> str:
    """Token for these scopes.

    Raises:
        LocalStackError: the emulator gives none.
    """
    cognito = local_session().client("cognito-idp", endpoint_url=endpoint)
    client = cognito.describe_user_pool_client(UserPoolId=user_pool_id, ClientId=client_id)
    scope = " ".join(f"earshot/{scope}" for scope in scopes)
    secret = client["UserPoolClient"]["ClientSecret"]
    answer = urllib3.PoolManager().request_encode_body(
        "POST",
        f"{endpoint}/oauth2/token",
        headers=urllib3.make_headers(basic_auth=f"{client_id}:{secret}"),
        fields={"grant_type": "client_credentials", "scope": scope},
        encode_multipart=False,
    )
    if answer.status != 200:
        raise LocalStackError(f"There is no token for {scopes}: {answer.data.decode()}")
    return str(answer.json()["access_token"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.token", description=__doc__)
    parser.add_argument("scope", nargs="*", metavar="SCOPE", help=f"of {', '.join(SCOPES)}; or all")
    parser.add_argument(
        "--group", choices=sorted(SCOPES_OF_GROUPS), help="of a person, instead of a machine"
    )
    arguments = parser.parse_args()
    forget_aws_settings()
    try:
        settings = Settings.from_environment()
        if not settings.outputs_file.is_file():
            raise LocalStackError("The local stack is not up. Start it first: make up")
        outputs = json.loads(settings.outputs_file.read_text())
        if arguments.group:
            pool, people = outputs["UserPoolId"], outputs["PeopleClientId"]
            print(sign_in(outputs["endpoint"], pool, people, arguments.group))
            return
        print(
            issue(
                outputs["endpoint"],
                outputs["UserPoolId"],
                outputs["ServiceClientId"],
                arguments.scope or list(SCOPES),
            )
        )
    except LocalStackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
