"""`python -m earshot_api` makes the OpenAPI document: `make openapi` keeps it in docs/openapi.json.

It is written beside the code, too, in the order of the routes, for `earshot_api.openapi`.
"""

from __future__ import annotations

import json

from earshot_api.app import http
from earshot_api.describe import document
from earshot_api.openapi import FILE

made = document(http)
FILE.write_text(json.dumps(made, indent=1) + "\n")
print(json.dumps(made, indent=2, sort_keys=True))
