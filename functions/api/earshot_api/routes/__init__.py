"""The routes, a module for each thing that they are about; `/retrain` and `/models` go here too.

Each is listed in `ROUTERS`, and its path and scope in template.yaml.
"""

from earshot_api import openapi
from earshot_api.routes import about, feedback, results, uploads

ROUTERS = (about.router, uploads.router, results.router, feedback.router, openapi.router)
