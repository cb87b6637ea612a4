"""retraining: plans a retraining, decides at the gate, promotes or rejects the candidate."""
