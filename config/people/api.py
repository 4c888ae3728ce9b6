"""Personal tokens: everybody sees, makes and revokes their own, and nobody else's."""

from rest_framework import exceptions, serializers
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from config.api.fields import CountField, LineField, Strict, StrictModel
from config.api.resources import Resource
from config.people.models import ApiToken

LONGEST = 366  # days


class Token(StrictModel):
    """A token, without its secret."""

    class Meta:
        model = ApiToken
        fields = ("id", "name", "scope", "hint", "created_at", "expires_at", "revoked_at", "last_used_at")
        read_only_fields = fields


class NewToken(Token):
    """A token just made: the only time its secret is shown."""

    secret = serializers.CharField(read_only=True)

    class Meta(Token.Meta):
        fields = (*Token.Meta.fields, "secret")
        read_only_fields = fields


class TokenIssue(Strict):
    """What a new token is for, what it may do and for how long."""

    name = LineField(max_length=100)
    scope = serializers.ChoiceField(ApiToken.Scope.choices, default=ApiToken.Scope.READ)
    days = CountField(min_value=1, max_value=LONGEST, default=90, help_text="How long it is good for.")


class TokenRevoke(Strict):
    """Nothing needs to be said."""


class Tokens(Resource):
    """Your API tokens."""

    model = ApiToken
    serializer_class = Token
    permission_classes = [IsAuthenticated]
    inputs = {"create": TokenIssue, "revoke": TokenRevoke}

    def visible(self):
        return ApiToken.objects.filter(user=self.request.user.pk)

    def get_serializer_class(self):
        return NewToken if self.action == "create" else Token

    def create(self, request, **kwargs):
        """Make a token. Only for somebody signed in with a password: a token begets no other token.

        A leaked token could otherwise outlive its own revocation.
        """
        if request.auth is not None:
            raise exceptions.PermissionDenied("Sign in to make a token; a token cannot make another.")
        row, row.secret = ApiToken.issue(request.user, **self.read(TokenIssue))
        response = self.answer(row, status=201)
        response["Location"] = f"{request.path}{row.pk}/"
        response["Cache-Control"] = "no-store"
        return response

    @action(detail=True, methods=["post"])
    def revoke(self, request, **kwargs):
        """End a token now; also with the token itself, if it may write."""
        row = self.get_object()
        self.read(TokenRevoke)
        row.revoke()
        return Response(self.get_serializer(row).data)


ROUTES = [("tokens", Tokens, "tokens")]
