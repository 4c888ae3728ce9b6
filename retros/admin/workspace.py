"""Where the workspace of a retro is: below the address of the retro itself."""

from functools import partial

from django.urls import path

from retros.workspace.page import VIEW
from retros.workspace.views import ROUTES


def workspace_urls(model_admin) -> list:
    """The addresses of the workspace, as the admin of retros serves them."""
    name = VIEW.partition(":")[2]
    return [
        path(
            f"<path:object_id>/workspace/{route}",
            model_admin.admin_site.admin_view(partial(view, model_admin=model_admin)),
            name=f"{name}_{part}" if part else name,
        )
        for route, part, view in ROUTES
    ]
