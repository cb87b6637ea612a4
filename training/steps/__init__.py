"""The retraining's steps that hear, learn and measure; each reads and writes the run's files.

A step knows nothing of Lambda: `functions/training/app.py` calls it there, and
``python -m training.steps`` anywhere else, such as in a SageMaker or Batch job.
"""
