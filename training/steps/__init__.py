"""The retraining's steps embed, train and evaluate; each reads and writes the run's files.

A step does not depend on Lambda: `functions/training` calls it there, and
``python -m training.steps`` elsewhere, such as in a SageMaker or Batch job.
"""
