"""Retraining: what it learns from, who judges its result, and how it is started and watched.

Needs neither numpy nor TensorFlow; the learning itself is the package `training`.
"""
