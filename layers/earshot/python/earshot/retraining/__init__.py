"""Retraining: the plan, the gate, the steps without a model, and how a run is started and watched.

Needs neither numpy nor TensorFlow; the fitting itself is in the package `training`.
"""
