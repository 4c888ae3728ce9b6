from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission

from config.people.models import User


class RolesBackend(ModelBackend):
    """Signs in by e-mail address whatever its case; permissions come from roles alone."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        email = username if username is not None else kwargs.get(User.USERNAME_FIELD)
        return super().authenticate(request, username=User.normalise(email), password=password)

    def _get_user_permissions(self, user_obj):
        return Permission.objects.none()
