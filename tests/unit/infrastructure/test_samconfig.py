"""samconfig.toml fits the template."""

from __future__ import annotations

import tomllib

from local.settings import REPOSITORY
from tests.unit.infrastructure.cloudformation import SAM


def test_samconfig_sets_known_parameters() -> None:
    config = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
    for environment, stage in {"default": "dev", "prod": "prod"}.items():
        parameters = config[environment]["deploy"]["parameters"]
        values = dict(item.split("=", 1) for item in parameters["parameter_overrides"])
        assert values.keys() <= SAM["Parameters"].keys()
        assert values["Stage"] == stage
        assert parameters["capabilities"] == "CAPABILITY_IAM"
        assert parameters["resolve_image_repos"] is True
