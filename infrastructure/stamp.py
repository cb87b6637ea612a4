"""Have SAM publish new versions of the functions that serve when a parameter has another value.

What goes to an alias is served by a published version, and a version keeps the environment that
it was published with. SAM publishes one when code or template change, and not when a parameter does
(https://github.com/aws/serverless-application-model/issues/3820): the new value would reach no
request. So this writes a digest of the parameters into the environments of the built template,
which is a change. Between `sam build` and `sam deploy`:

    python infrastructure/stamp.py ResultTtlDays=30
    sam deploy --parameter-overrides ResultTtlDays=30
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_dump, yaml_parse

VARIABLE = "PARAMETERS_SHA256"
BUILT = Path(".aws-sam/build/template.yaml")
CONFIG = Path("samconfig.toml")


def stamp(template: dict[str, Any], digest: str) -> list[str]:
    """Write the digest into each function with an alias; their logical ids."""
    stamped = []
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if "AutoPublishAlias" in properties:
            environment = properties.setdefault("Environment", {})
            environment.setdefault("Variables", {})[VARIABLE] = digest
            stamped.append(name)
    return stamped


def digest_of(config: bytes, overrides: Sequence[str]) -> str:
    """Digest of all that says which values parameters have."""
    return hashlib.sha256(
        b"\0".join([config, *(o.encode() for o in sorted(overrides))])
    ).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("overrides", nargs="*", help="the same as of --parameter-overrides")
    arguments = parser.parse_args()
    if not BUILT.is_file():
        sys.exit(f"Run sam build first: there is no {BUILT}.")
    template = yaml_parse(BUILT.read_text())
    digest = digest_of(CONFIG.read_bytes(), arguments.overrides)
    names = stamp(template, digest)
    BUILT.write_text(yaml_dump(template))
    print(f"Stamped {', '.join(names)} with {digest[:10]}.")


if __name__ == "__main__":
    main()
