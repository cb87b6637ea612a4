"""What the role of api may do: each route's work, and nothing beside it."""

from __future__ import annotations

from tests.unit.infrastructure.cloudformation import EXECUTIONS, LINK_KEY, allowed


def test_api_may_do_its_work_only() -> None:
    corrections = "${UploadsBucket.Arn}/training/*/corrections/*"
    features = "${ModelsBucket.Arn}/retraining/*/features/*"
    erasable = ["${UploadsBucket.Arn}/incoming/*", "${UploadsBucket.Arn}/posted/*", corrections]
    assert allowed("ApiFunction") == {
        ("dynamodb:DeleteItem", "ClipResultsTable.Arn"),
        *(
            (f"s3:{action}", what)
            for action in ("DeleteObject", "DeleteObjectVersion")
            for what in (*erasable, features)
        ),
        ("s3:ListBucketVersions", "UploadsBucket.Arn"),
        ("s3:ListBucketVersions", "ModelsBucket.Arn"),
        ("s3:PutObject", "${ModelsBucket.Arn}/models/erased/*"),
        ("dynamodb:GetItem", "ClientsTable.Arn"),
        ("dynamodb:PutItem", "ClientsTable.Arn"),
        ("dynamodb:DeleteItem", "ClientsTable.Arn"),
        ("dynamodb:Scan", "ClientsTable.Arn"),
        *((f"dynamodb:{action}Item", "SourcesTable.Arn") for action in ("Get", "Update", "Delete")),
        ("dynamodb:Scan", "SourcesTable.Arn"),
        ("dynamodb:GetItem", "ClipResultsTable.Arn"),
        ("dynamodb:BatchGetItem", "ClipResultsTable.Arn"),
        ("dynamodb:UpdateItem", "ClipResultsTable.Arn"),
        ("s3:GetObject", corrections),
        ("s3:GetObjectVersion", corrections),
        ("dynamodb:Query", "${ClipResultsTable.Arn}/index/*"),
        ("dynamodb:PutItem", "MutesTable.Arn"),
        ("dynamodb:DeleteItem", "MutesTable.Arn"),
        ("dynamodb:Query", "${MutesTable.Arn}/index/*"),
        ("secretsmanager:GetSecretValue", LINK_KEY),
        ("s3:PutObject", "${UploadsBucket.Arn}/incoming/*"),
        ("s3:GetObject", "${UploadsBucket.Arn}/incoming/*"),
        ("s3:GetObjectVersion", "${UploadsBucket.Arn}/incoming/*"),
        ("s3:GetObject", "${UploadsBucket.Arn}/posted/*"),
        ("s3:GetObjectVersion", "${UploadsBucket.Arn}/posted/*"),
        *(
            (f"s3:{action}", what)
            for action in ("GetObject", "GetObjectVersion")
            for what in (
                "${UploadsBucket.Arn}/archive/*",
                "arn:${AWS::Partition}:s3:::${ArchiveBuckets}/*",
            )
        ),
        ("s3:PutObject", "${UploadsBucket.Arn}/training/*"),
        ("s3:PutObject", "${UploadsBucket.Arn}/heldout/*"),
        ("s3:DeleteObject", "${UploadsBucket.Arn}/training/*"),
        ("s3:GetObject", "${ModelsBucket.Arn}/models/*"),
        ("s3:GetObject", "${ModelsBucket.Arn}/retraining/*"),
        ("s3:PutObject", "${ModelsBucket.Arn}/models/champion.json"),
        ("s3:PutObject", "${ModelsBucket.Arn}/models/v-*"),
        ("s3:PutObject", "${ModelsBucket.Arn}/yamnet/*"),
        ("s3:GetObject", "${ModelsBucket.Arn}/yamnet/*"),
        ("s3:PutObject", "${ModelsBucket.Arn}/publishing/*"),
        ("s3:GetObject", "${ModelsBucket.Arn}/publishing/*"),
        ("lambda:InvokeFunction", "${ClassifyFunction.Arn}:live"),
        ("states:StartExecution", "RetrainStateMachine"),
        ("states:ListExecutions", "RetrainStateMachine"),
        ("states:DescribeExecution", EXECUTIONS),
        ("states:GetExecutionHistory", EXECUTIONS),
        ("s3:ListBucket", "UploadsBucket.Arn"),
        ("s3:ListBucket", "ModelsBucket.Arn"),
        ("sqs:GetQueueAttributes", "UploadsQueue.Arn"),
        ("sqs:GetQueueAttributes", "UploadsDeadLetterQueue.Arn"),
    }
