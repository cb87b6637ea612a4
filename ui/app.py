"""The web interface: ``python -m ui.start ui/app.py``, with EARSHOT_API_URL set; see docs/ui.md."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui import session, sign_in

HERE = Path(__file__).parent
signed_in = session.signed_in()
# In `views`: what lies in a folder `pages`, Streamlit would run without this file around it.
PAGES = {
    icon: st.Page(HERE / f"views/{name}.py", title=name.capitalize(), default=name == "overview")
    for name, icon, scope in (
        ("overview", "nights_stay", "read"), ("review", "rule", "train"),
        ("results", "table_rows", "read"), ("classify", "graphic_eq", "predict"),
        ("retrain", "model_training", "train"), ("models", "deployed_code", "read"),
        ("status", "monitor_heart", "read"),
    )
    if name == "overview" or not signed_in or session.may(scope)
}  # fmt: skip

light = st.context.theme.type == "light"
# The same addresses for all, so that whoever signs in is where they wanted to be.
page = st.navigation(list(PAGES.values()), position="hidden")
st.set_page_config(
    page_title=f"{page.title} - Earshot" if signed_in else "Sign in - Earshot",
    page_icon=str(HERE / "static/mark.svg"),
    layout="wide",
)
logo = HERE / "static" / ("logo-light.svg" if light else "logo.svg")
st.logo(str(logo), size="large", icon_image=str(HERE / "static/mark.svg"))
st.html(HERE / "static/style.css")
if signed_in:
    # Not the menu of `st.navigation`: browsers would ask fonts.gstatic.com for its icons.
    for icon, one in PAGES.items():
        st.sidebar.page_link(one, icon=f":material/{icon}:")
    sign_in.sidebar()
    page.run()
else:
    sign_in.page()
