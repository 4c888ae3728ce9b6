"""How the API knows who asks: a personal token, or the session of somebody signed in."""

from datetime import timedelta

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions

from config.audit.actor import identify
from config.people.models import ApiToken
from config.people.tokens import digest_of

SAFE = ("GET", "HEAD", "OPTIONS")


class TokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer aft_…`. A read token is refused every write."""

    keyword = "Bearer"

    def authenticate(self, request):
        kind, _, secret = authentication.get_authorization_header(request).decode("latin-1").partition(" ")
        if kind.lower() != self.keyword.lower():
            return None
        token = (
            ApiToken.objects.usable().select_related("user").filter(digest=digest_of(secret.strip())).first()
        )
        if token is None:
            raise exceptions.AuthenticationFailed("This token is not known, has expired or was revoked.")
        if token.scope == ApiToken.Scope.READ and request.method not in SAFE:
            raise exceptions.PermissionDenied("This token may only read.")
        self._note_use(token)
        identify(token.user, name=f"{token.user} (token “{token.name}”)")
        return token.user, token

    def authenticate_header(self, request):
        return self.keyword

    def _note_use(self, token):
        # Once a minute is close enough, and spares a write on most requests.
        now = timezone.now()
        if token.last_used_at is None or token.last_used_at < now - timedelta(minutes=1):
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


class SessionAuthentication(authentication.SessionAuthentication):
    """The session of somebody signed in to the workspace; writes need the CSRF token."""

    def authenticate_header(self, request):
        return "Session"


class TokenScheme(OpenApiAuthenticationExtension):
    """Tells the API's own description about tokens."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer"}


class SessionScheme(OpenApiAuthenticationExtension):
    """Tells the API's own description about sessions."""

    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema):
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
