"""Hooks for schemathesis: half of the recordings that it sends are some."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

from test_local_stack import sweep

schemathesis.openapi.media_type("audio/wav", st.just(sweep()) | st.binary())
