"""Capacity and cost at scale: rows as they are written, and the arithmetic of docs/scale.md."""
