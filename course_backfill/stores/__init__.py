"""The records in DynamoDB and the lists beside them: one store for each kind, over the ports."""
