"""Earshot: detects gunshots, explosions and sirens in audio clips."""

__version__ = "0.3.0"
