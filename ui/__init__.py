"""The web interface: Streamlit pages that talk to the HTTP API and to nothing else."""
