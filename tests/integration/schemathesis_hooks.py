"""Hooks for schemathesis: half of the recordings that it sends are some."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

from recordings import sweep

schemathesis.openapi.media_type("audio/wav", st.just(sweep()) | st.binary())
