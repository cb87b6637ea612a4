"""The routes, a module for each subject.

Each is listed in `ROUTERS`, save for those of `document`; its path and scope are in template.yaml.
"""

from earshot_api.routes import (
    about,
    alerts,
    audio,
    clients,
    erasure,
    feedback,
    models,
    mutes,
    results,
    retraining,
    sources,
    uploads,
)

ROUTERS = (
    about.router,
    uploads.router,
    results.router,
    audio.router,
    alerts.router,
    feedback.router,
    mutes.router,
    retraining.router,
    models.router,
    clients.router,
    sources.router,
    erasure.router,
)
