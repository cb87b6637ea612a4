"""The routes, a module for each thing that they are about.

Each is listed in `ROUTERS`, and its path and scope in template.yaml.
"""

from earshot_api import openapi
from earshot_api.routes import about, alerts, feedback, models, results, retraining, uploads

ROUTERS = (
    about.router,
    uploads.router,
    results.router,
    alerts.router,
    feedback.router,
    retraining.router,
    models.router,
    openapi.router,
)
