"""Hooks for schemathesis: what its schema does not say about recordings and forms."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, HookContext

from tests.clips import sweep

# Half of the recordings that it sends are some.
schemathesis.openapi.media_type("audio/wav", st.just(sweep()) | st.binary())


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    """Whether to send a case: not a form with something wrong in it.

    A form holds texts alone, so that a null or a number in it, which the schema forbids, is as good
    a text as any.
    """
    wrong = case.meta is not None and case.meta.generation.mode is GenerationMode.NEGATIVE
    return not (wrong and case.media_type == "multipart/form-data")
