"""Obtaining YAMNet, training the head on its embeddings, evaluating and exporting the result."""
