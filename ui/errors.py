"""Errors as people are told of them: in words, at the place, and never as a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import httpx
import streamlit as st

from earshot.errors import EarshotError
from earshot_client.api_client import ApiError
from earshot_client.cli.access import AccessError
from ui import session

P = ParamSpec("P")

EXPIRED = "Your token is not accepted any more: it has expired or was withdrawn. Sign in again."
NOT_ALLOWED = (
    "Your token does not allow this. To look takes the scope `read`, to hear a clip `predict`, "
    "to correct and retrain `train`, to promote a model `admin`."
)


@contextmanager
def told() -> Iterator[None]:
    """Tell of the API's errors instead of raising them; ask to sign in again where that helps."""
    try:
        yield
    except ApiError as error:
        if error.status == httpx.codes.UNAUTHORIZED:
            session.sign_out(EXPIRED)
            st.rerun()
        tell(error)
    except AccessError as error:
        _down(str(error))
    except EarshotError as error:
        st.error(str(error), icon=":material/error:")


def guarded(part: Callable[P, None]) -> Callable[P, None]:
    """A page, or a part of one that runs by itself, with `told` around it."""

    @wraps(part)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        with told():
            part(*arguments, **options)

    return run


def tell(error: ApiError) -> None:
    """Say what the API said, or that it said nothing."""
    if error.status == 0:
        _down(str(error))
    elif error.status == httpx.codes.FORBIDDEN:
        st.warning(NOT_ALLOWED, icon=":material/lock:")
    elif error.status >= httpx.codes.INTERNAL_SERVER_ERROR:
        st.error(
            f"Earshot has trouble answering: {error} Try again in a moment.",
            icon=":material/cloud_off:",
        )
    else:
        st.error(str(error), icon=":material/error:")


def _down(detail: str) -> None:
    st.error(
        f"**Earshot cannot be reached** at `{session.api_url()}`. Recordings already handed in "
        "are safe. On this machine `make up` starts it; this page goes on as soon as it answers.",
        icon=":material/cloud_off:",
    )
    with st.expander("Details"):
        st.text(detail)
    if st.button("Try again", key=f"retry {detail}", icon=":material/refresh:"):
        st.rerun()
