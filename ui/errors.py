"""Errors shown to people: in words, where they occur, and never as a traceback."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from typing import ParamSpec

import httpx
import streamlit as st

from earshot.errors import EarshotError
from earshot_client.cli.access import AccessError
from earshot_client.transport import ApiError
from ui import session
from ui.components import palette

P = ParamSpec("P")
RETRY = timedelta(seconds=5)

EXPIRED = "Your token is not accepted any more: it has expired or was withdrawn. Sign in again."
NOT_ALLOWED = (
    "Your token does not allow this. The scopes are `read` to see results, `predict` to "
    "classify, `train` to correct and retrain, and `admin` to promote a model."
)


@contextmanager
def shown_errors() -> Iterator[None]:
    """Show errors instead of raising them; ask to sign in again if the token has expired."""
    try:
        yield
    except ApiError as error:
        show(error)
    except AccessError as error:
        _down(str(error))
    except EarshotError as error:
        st.error(palette.plain(str(error)), icon=":material/error:")


def guarded(part: Callable[P, None]) -> Callable[P, None]:
    """A page, or a part of one that runs by itself, with `shown_errors` around it."""

    @wraps(part)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        with shown_errors():
            part(*arguments, **options)

    return run


def show(error: ApiError, about: str = "") -> None:
    """Show an error of the API, or that the API cannot be reached.

    Args:
        error: of the API.
        about: name of the file that it is about.
    """
    file = f"**{palette.plain(about)}**: " if about else ""
    if error.status == 0:
        _down(str(error))
    elif error.status == httpx.codes.UNAUTHORIZED:
        session.sign_out(EXPIRED)
        st.rerun()
    elif error.status == httpx.codes.FORBIDDEN:
        st.warning(NOT_ALLOWED, icon=":material/lock:")
    elif error.status >= httpx.codes.INTERNAL_SERVER_ERROR:
        st.error(
            f"{file}Earshot returned an error: {palette.plain(str(error))} Try again in a moment.",
            icon=":material/cloud_off:",
        )
    else:
        st.error(file + palette.plain(str(error)), icon=":material/error:")


def _down(detail: str) -> None:
    st.error(
        f"**Earshot cannot be reached** at `{session.api_url()}`. Uploaded clips are "
        "safe. On this machine, `make up` starts it. This page reconnects by itself.",
        icon=":material/cloud_off:",
    )
    with st.expander("Details"):
        st.text(detail)
    if st.button("Try again", key=f"retry {detail}", icon=":material/refresh:"):
        st.rerun()
    _again(time.monotonic())


@st.fragment(run_every=RETRY)
def _again(since: float) -> None:
    """Draw the page anew after a while."""
    if time.monotonic() - since >= RETRY.total_seconds() / 2:
        st.rerun()
