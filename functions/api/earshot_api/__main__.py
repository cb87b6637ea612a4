"""`python -m earshot_api` prints the OpenAPI document, which is kept in docs/openapi.json."""

from __future__ import annotations

import json

from earshot_api.app import http
from earshot_api.openapi import document

print(json.dumps(document(http), indent=2, sort_keys=True))
