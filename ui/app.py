"""The web interface: ``streamlit run ui/app.py``, with EARSHOT_API_URL set; see docs/ui.md."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui import session, sign_in

HERE = Path(__file__).parent
# In `views`: what lies in a folder `pages`, Streamlit would run without this file around it.
PAGES = [
    st.Page(
        HERE / "views/overview.py", title="Overview", icon=":material/nights_stay:", default=True
    ),
    st.Page(HERE / "views/review.py", title="Review", icon=":material/rule:"),
    st.Page(HERE / "views/classify.py", title="Classify", icon=":material/graphic_eq:"),
    st.Page(HERE / "views/results.py", title="Results", icon=":material/table_rows:"),
    st.Page(HERE / "views/retrain.py", title="Retrain", icon=":material/model_training:"),
    st.Page(HERE / "views/models.py", title="Models", icon=":material/deployed_code:"),
    st.Page(HERE / "views/status.py", title="Status", icon=":material/monitor_heart:"),
]

st.set_page_config(page_title="Earshot", page_icon=str(HERE / "static/mark.svg"), layout="wide")
logo = "logo-light.svg" if st.context.theme.type == "light" else "logo.svg"
st.logo(str(HERE / "static" / logo), size="large", icon_image=str(HERE / "static/mark.svg"))
st.html(HERE / "static/style.css")

if session.signed_in():
    page = st.navigation(PAGES)
    sign_in.sidebar()
    page.run()
else:
    # The same addresses, so that whoever signs in is where they wanted to be.
    st.navigation(PAGES, position="hidden")
    sign_in.page()
