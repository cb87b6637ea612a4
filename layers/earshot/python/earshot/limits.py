"""Limits that several rooms share."""

from __future__ import annotations

MAX_CLIP_BYTES = 100_000_000  # of an uploaded file
