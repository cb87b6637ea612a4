"""Measurements of speed; `make bench` runs them. docs/performance.md says what they found."""
