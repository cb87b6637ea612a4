"""Earshot: hears gunshots, explosions and sirens in recordings."""

__version__ = "0.1.0"
