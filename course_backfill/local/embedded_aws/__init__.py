"""S3, SQS, DynamoDB, STS and EventBridge on this machine: moto, made to refuse what AWS refuses.

Started by `python -m course_backfill.local.embedded_aws`, or by the functions in `server`.
"""
