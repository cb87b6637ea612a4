"""Signing in with a token of the API, and out again."""

from __future__ import annotations

import httpx
import streamlit as st

from earshot_client.transport import ApiError
from ui import session
from ui.components import browser, palette
from ui.errors import show, shown_errors

_HOW = (
    "On this machine `make token` prints one. On AWS it comes from the Cognito user pool: "
    "see `docs/api.md`."
)


def page() -> None:
    """The page for those who are not signed in."""
    _, middle, _ = st.columns([1, 2, 1])
    with middle:
        st.title("Sign in")
        if not session.api_url():
            st.error(
                "The address of the API is not set. Set `EARSHOT_API_URL` and start again, or use "
                "`make up ui`, which sets it to the local stack.",
                icon=":material/link_off:",
            )
            return
        if why := session.why_signed_out():
            st.warning(why, icon=":material/lock_clock:")
        if session.by_provider():
            st.write("Sign in with the account that an administrator has made for you.")
            if st.button("Sign in", type="primary", icon=":material/login:"):
                st.login()
            return
        st.write(f"Earshot at `{session.api_url()}` needs a token.")
        with st.form("sign in", border=True):
            token = st.text_input("Token", type="password", help=_HOW, autocomplete="off")
            if st.form_submit_button("Sign in", type="primary", icon=":material/login:"):
                _try(token.strip())
        st.caption(_HOW)


def _try(token: str) -> None:
    if not token:
        st.warning("Paste a token first.", icon=":material/key:")
        return
    with shown_errors():
        try:
            session.client_with(token).status()
        except ApiError as error:
            if error.status == httpx.codes.UNAUTHORIZED:
                st.error(
                    "This token is not accepted: it has expired, or belongs to another deployment.",
                    icon=":material/key_off:",
                )
                return
            # A token without the scope `read` is still valid.
            if error.status != httpx.codes.FORBIDDEN:
                show(error)
                return
        session.sign_in(token)
        st.rerun()


def sidebar() -> None:
    """Below the pages: where this is, and the way out."""
    with st.sidebar:
        if who := session.name():
            st.caption(f"Signed in as {palette.plain(who)}")
        st.caption(f"Connected to  \n`{session.api_url()}`")
        if session.in_person() and st.button("Sign out", icon=":material/logout:", width="stretch"):
            if session.name():
                browser.leave(session.way_out())
            else:
                session.sign_out()
                st.rerun()
        browser.close_menu_on_phones()
