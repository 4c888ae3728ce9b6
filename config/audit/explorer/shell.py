"""The explorer's pages look like the workspace they are in."""

from django.contrib import admin
from django.template.response import TemplateResponse


def page(request, template, context, status=200):
    """A page in the shell of the workspace."""
    request.current_app = admin.site.name
    return TemplateResponse(request, template, admin.site.each_context(request) | context, status=status)
