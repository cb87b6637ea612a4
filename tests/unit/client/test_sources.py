"""The command `earshot sources`."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from earshot.sources.settings import settings_from_json
from earshot.sources.source import Source
from earshot_client.api_client import EarshotClient
from earshot_client.cli.commands import cli
from tests.unit.client.served_api import API


class Sources:
    """The API's routes for sources, in memory."""

    def __init__(self) -> None:
        self.set: dict[str, Any] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.removeprefix("/v1/sources").strip("/")
        if request.method == "PUT":
            self.set[name] = json.loads(request.content)
        if not name:
            return httpx.Response(200, json={"sources": [self._of(one) for one in self.set]})
        if name not in self.set:
            return httpx.Response(404, json={"detail": f"Nothing was ever seen of {name}"})
        return httpx.Response(200, json=self._of(name))

    def _of(self, name: str) -> Any:
        faults = {"silent": "There is no segment since noon."}
        return Source(name, settings_from_json(self.set[name]), faults=faults).to_json()


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Sources:
    served = Sources()
    client = EarshotClient(API, lambda: "", httpx.Client(transport=httpx.MockTransport(served)))
    monkeypatch.setattr("earshot_client.cli.access.Access.client", lambda _: client)
    return served


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["sources", *arguments])


def test_settings_are_added_to_those_that_are(sources: Sources) -> None:
    first = run("set", "north gate", "--place", "by the lake", "--quiet", "22:00-06:00")
    assert first.exit_code == 0, first.output
    more = ("--zone", "Europe/Berlin", "--min-confidence", "gunshot=0.8", "--silent-after", "10m")
    assert run("set", "north gate", *more, "--label", "gunshot").exit_code == 0
    wanted = sources.set["north gate"]
    assert wanted["quiet_hours"] == {"start": "22:00", "end": "06:00"}
    assert (wanted["place"], wanted["time_zone"]) == ("by the lake", "Europe/Berlin")
    assert (wanted["min_confidence"], wanted["labels"]) == ({"gunshot": 0.8}, ["gunshot"])
    assert wanted["silent_after_s"] == 600
    assert run("set", "north gate", "--quiet", "none", "--mute-for", "2h").exit_code == 0
    assert sources.set["north gate"]["quiet_hours"] is None
    assert sources.set["north gate"]["muted_until"]


SET = {
    "--name": "North gate",
    "--place": "by the lake",
    "--zone": "Europe/Berlin",
    "--label": "gunshot",
    "--min-confidence": "gunshot=0.8",
    "--quiet": "22:00-06:00",
    "--mute-for": "2h",
    "--cooldown": "10m",
    "--silent-after": "10m",
    "--retention-days": "7",
    "--digest": "siren",
    "--addressee": "ann@ear.example",
}


def test_every_setting_is_taken_back_by_one_word(sources: Sources) -> None:
    run("set", "gate")
    untouched = Source("gate", settings_from_json(sources.set["gate"]))
    options = [word for option in SET.items() for word in option]
    assert run("set", "gate", *options).exit_code == 0
    assert Source("gate", settings_from_json(sources.set["gate"])) != untouched
    for option in SET:
        done = run("set", "gate", option, "default")
        assert done.exit_code == 0, done.output
    assert Source("gate", settings_from_json(sources.set["gate"])) == untouched


def test_no_mute_until_a_time_is_taken_back_as_well(sources: Sources) -> None:
    run("set", "gate", "--muted-until", "2030-01-01T00:00")
    assert sources.set["gate"]["muted_until"]
    assert run("set", "gate", "--muted-until", "default").exit_code == 0
    assert "muted_until" not in sources.set["gate"]


def test_the_word_stands_alone(sources: Sources) -> None:
    refused = run("set", "gate", "--label", "gunshot", "--label", "default")
    assert refused.exit_code == 2
    assert "stands alone" in refused.output


def test_hours_are_refused_in_words(sources: Sources) -> None:
    refused = run("set", "gate", "--quiet", "off")
    assert refused.exit_code == 2
    assert "off is not like 22:00-06:00, nor none or default" in refused.output


def test_sources_are_listed_with_what_is_wrong(sources: Sources) -> None:
    run("set", "gate", "--place", "by the lake")
    listed = run()
    assert "There is no segment since noon." in listed.output
    assert json.loads(run("show", "gate").output)["place"] == "by the lake"
    assert "Nothing was ever seen of yard" in run("show", "yard").output


@pytest.mark.parametrize(
    "wrong",
    [("--min-confidence", "thunder=1"), ("--min-confidence", "gunshot"), ("--cooldown", "soon")],
)
def test_what_makes_no_sense_is_refused_at_once(sources: Sources, wrong: tuple[str, str]) -> None:
    assert run("set", "gate", *wrong).exit_code == 2
    assert sources.set == {}
