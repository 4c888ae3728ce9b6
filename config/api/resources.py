"""A resource: fetch what this person may see, call the verb, answer with the row and its version."""

import re
from contextlib import contextmanager

from django.db import transaction
from django.http import Http404
from django.utils.cache import patch_vary_headers
from rest_framework import exceptions, viewsets
from rest_framework.decorators import action
from rest_framework.fields import empty
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.fields import asked_of, by_number, input_of, lookup_of
from config.api.filters import Filters, NoFilters
from config.api.permissions import HasModelPermission
from config.api.problems import VersionRequired
from config.audit.models import StaleVersion, VersionedModel
from config.transitions import verbs_of

VERSION = re.compile(r'(?:W/)?"([0-9]{1,9})"', re.ASCII)


class Resource(viewsets.GenericViewSet):
    """What every resource has in common; `inputs` says what may be written, and so what can be done."""

    model = None
    filter_backends = [Filters]
    filterset_class = NoFilters
    permission_classes = [HasModelPermission]
    http_method_names = ["get", "head", "post", "patch"]
    inputs: dict[str, type] = {}
    takes: dict[str, set] = {}  # what may be chosen in the address, by action; lists have filters
    not_for_people: tuple[str, ...] = ()  # verbs that nobody who is signed in may do, whoever they are
    tells_more: tuple[str, ...] = ()  # actions whose answer is not the row, and so has no version
    orderings = ("-reference", "reference")
    lookup_url_kwarg = "key"
    lookup_value_regex = "[^/]+"

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.model is not None:
            cls.queryset = cls.model._default_manager.none()  # tells the description which model it is

    def get_queryset(self):
        """Only what this person may see, with all that an answer shows."""
        return self.with_shown(self.visible())

    def visible(self):
        """The rows there are for this person."""
        return self.model._default_manager.visible_to(self.request.user)

    def with_shown(self, queryset):
        """Fetch what an answer shows together with the rows."""
        return queryset

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        strange = request.query_params.keys() - self.takes.get(self.action, set())
        if self.action != "list" and strange:
            raise exceptions.ValidationError({name: ["There is nothing to choose here."] for name in strange})

    def get_object(self):
        return self.found(self.get_queryset(), self.kwargs["key"])

    def found(self, queryset, key):
        """The one row of `queryset` that people call `key`."""
        by = self.called(queryset.model, key)
        if by is None or "\x00" in key or (row := queryset.filter(**by).first()) is None:
            raise Http404
        return row

    def called(self, model, key) -> dict | None:
        """How a row is looked up by what stands in the address; None if by nothing."""
        return lookup_of(model, key)

    def list(self, request, **kwargs):
        """One page of what you may see."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request, **kwargs):
        """One of them, with its version as ETag."""
        return self.answer(self.get_object())

    def read(self, input_class, row=None):
        """The body, checked by `input_class`; an edit of `row` may leave anything out."""
        body = input_class(row, data=self.request.data, context=self.get_serializer_context())
        for field in body.fields.values() if row is not None else ():
            # Not `partial`, which would let the insides of a list be left out as well.
            field.required, field.default = False, empty
        body.is_valid(raise_exception=True)
        return body.validated_data

    def answer(self, row, *, status=200):
        """`row` as it is shown, with its version as ETag."""
        response = Response(self.get_serializer(row).data, status=status)
        if isinstance(row, VersionedModel):
            response["ETag"] = f'"{row.version}"'
        return response

    def answer_anew(self, row, *, status=200):
        """`row` as it is now; whoever has just changed it may read it, though they may not see it again."""
        return self.answer(self.with_shown(self.model._default_manager.all()).get(pk=row.pk), status=status)

    def expected_version(self, *, is_required):
        """The version named in If-Match; None if none is named, or any (`*`) will do."""
        given = self.request.headers.get("If-Match", "").strip()
        if not given and is_required:
            raise VersionRequired()
        if given in ("", "*"):
            return None
        if (match := VERSION.fullmatch(given)) is None:
            raise exceptions.ParseError("If-Match must be one ETag as it was given, or *.")
        return int(match[1])

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        patch_vary_headers(response, ["Authorization", "Cookie"])
        return response


class Numbered(Resource):
    """A resource whose rows have names that may hold anything, also a slash: in the address stands their number."""

    def called(self, model, key):
        return by_number(key)


class Part(Resource):
    """Something that belongs to a row named in the address, and is as visible as that one."""

    parent_model = None
    parent_name = ""

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        self.parent = self.found(self.parents(), kwargs[self.parent_name])

    def parents(self):
        """The rows it may belong to, of those this person may see."""
        return self.parent_model._default_manager.visible_to(self.request.user)

    def visible(self):
        return self.model._default_manager.filter(**{self.parent_name: self.parent})


class Creates(Resource):
    """A resource that can be added to."""

    def create(self, request, **kwargs):
        """Add one; answers with it and its address."""
        with transaction.atomic():
            row = self.make(self.read(self.inputs["create"]))
        response = self.answer_anew(row, status=201)
        response["Location"] = self.address(row)
        return response

    def make(self, data):
        """Store a new row."""
        raise NotImplementedError

    def address(self, row):
        """Where the new row is."""
        key = getattr(row, "reference", None) or getattr(row, "slug", None) or row.pk
        return f"{self.request.path}{key}/"


class Edits(Resource):
    """A resource that can be edited, by whoever has read the version there is."""

    # Whether an edit is checked as a form checks it, with the fields that it leaves as they are: needed where a rule
    # is about several of them. Else what was right once does not stand in the way of another field's edit.
    is_checked_whole = False

    def partial_update(self, request, **kwargs):
        """Change the fields given. Needs the ETag that was read as If-Match; a stale one changes nothing."""
        row = self.get_object()
        version = self.expected_version(is_required=True)
        with _telling_version(row), transaction.atomic():
            self.lock(row)
            if version is not None and row.version != version:
                raise StaleVersion(f"{row} was changed by somebody else meanwhile.")
            self.edit(row, self.read(self.inputs["partial_update"], row))
        return self.answer_anew(row)

    def lock(self, row):
        """Hold the row, as it is now, and refuse what must not be edited."""
        row.refresh_from_db(from_queryset=self.model._base_manager.select_for_update(of=("self",)))
        if hasattr(row, "refuse_edit"):
            row.refuse_edit()

    def edit(self, row, data):
        """Set and check what was given; anything else stays as it is, checked or not."""
        for name, value in data.items():
            setattr(row, name, value)
        rest = {field.name for field in row._meta.fields} - data.keys()
        row.full_clean(exclude=set() if self.is_checked_whole else rest)
        row.save()


@contextmanager
def _telling_version(row):
    """A refusal of a stale version says which one there is."""
    try:
        yield
    except StaleVersion as error:
        rows = type(row)._base_manager.filter(pk=row.pk)
        error.version = rows.values_list("version", flat=True).first()
        raise


def with_verbs(resource):
    """Class decorator: each verb of the resource's model becomes a POST that calls it."""
    for about in verbs_of(resource.model).values():
        if about.name in resource.not_for_people:
            continue
        # A verb may be called what every resource has a method for; its address is the verb's name all the same.
        name = f"{about.name}_it" if hasattr(Resource, about.name) else about.name
        setattr(resource, name, _post(resource.model, about, name))
    return resource


def _post(model, about, name):
    def perform(self, request, **kwargs):
        row = self.get_object()
        form_class = about.form_class()
        asked = asked_of(form_class, row, self.read(input_of(form_class)))
        with _telling_version(row):
            getattr(row, about.name)(
                by=request.user, version=self.expected_version(is_required=False), **asked
            )
        return self.answer_anew(row)

    perform.__name__ = name
    perform.__doc__ = getattr(model, about.name).__doc__
    return action(detail=True, methods=["post"], url_path=about.name)(perform)


class Nowhere(APIView):
    """Addresses of the API at which there is nothing; whoever is not signed in is not told even that."""

    permission_classes = [HasModelPermission]
    schema = None

    def initial(self, request, *args, **kwargs):
        self.perform_authentication(request)
        if not request.user.is_authenticated:
            self.permission_denied(request)
        raise Http404
