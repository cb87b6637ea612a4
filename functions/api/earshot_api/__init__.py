"""The HTTP API, save for `POST /predict`, which is classify's."""
