"""Results of the table of an earlier version, moved to this version's."""

from __future__ import annotations

from moto import mock_aws

from earshot.labels import Label
from earshot.results.query import ResultQuery
from earshot.results.table import ResultsTable
from infrastructure.move_results import move
from tests.unit.moto_clients import moto_client
from tests.unit.results.moto_results import create_table, everything, save
from tests.unit.sample_results import rejected


def test_rows_are_copied_once_and_found_in_order():
    with mock_aws():
        client = moto_client("dynamodb")
        client.create_table(
            TableName="old",
            KeySchema=[{"AttributeName": "clip_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "clip_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        old = ResultsTable(client, "old")
        clip_ids = [save(old, n, label=list(Label)[n % 4]) for n in range(12)]
        old.save(rejected("e" * 32))
        for clip_id in clip_ids:  # as an earlier version wrote them
            client.update_item(
                TableName="old",
                Key={"clip_id": {"S": clip_id}},
                UpdateExpression="REMOVE label_bucket",
            )
        create_table("new")
        assert move(client, "old", "new", 3) == (13, 0)
        assert move(client, "old", "new", 3) == (0, 13)
        new = ResultsTable(client, "new", buckets=3)
        assert everything(new, ResultQuery(), 5) == [*clip_ids[:0:-1], "e" * 32, clip_ids[0]]
        assert new.get(clip_ids[3]) == old.get(clip_ids[3])
        row = client.get_item(TableName="new", Key={"clip_id": {"S": clip_ids[0]}})["Item"]
        assert row["archive"] == {"S": "moved"}, "the stream's filter would let it raise an alert"
