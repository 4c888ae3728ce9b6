"""What the tests of the workspace's pages share: where pages are, and what each page of a verb must keep to."""

from django.contrib.admin.utils import flatten_fieldsets
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

MOST_QUERIES = 12  # of a list, whatever its length


def named(row, view):
    return f"admin:{row._meta.app_label}_{row._meta.model_name}_{view}"


def list_of(model):
    return reverse(named(model, "changelist"))


def add_page(model):
    return reverse(named(model, "add"))


def page(row, view="change"):
    return reverse(named(row, view), args=[row.pk])


def verb_page(row, verb):
    return reverse(named(row, "verb"), args=[row.pk, verb])


def stored(row):
    """The row and its history as they stand in the database."""
    values = type(row).objects.filter(pk=row.pk).values().get()
    values.pop("last_login", None)  # moves whenever a test signs somebody in
    return values, row.history.count()


def assert_offered(client, row, verb):
    assert verb_page(row, verb) in client.get(page(row)).content.decode()


def assert_not_offered(client, row, verb):
    assert verb_page(row, verb) not in client.get(page(row)).content.decode()


def assert_asking_changes_nothing(client, row, verb):
    before = stored(row)
    response = client.get(verb_page(row, verb))
    assert response.status_code == 200
    assert b'method="post"' in response.content
    assert stored(row) == before


def assert_done(client, row, verb, answers, *, by):
    assert client.post(verb_page(row, verb), answers).status_code == 302
    latest = row.history.first()
    assert (latest.history_user_name, latest.history_actor_kind) == (str(by), "web")
    assert latest.history_change_reason == answers.get("reason", "")


def assert_refused(client, row, verb, answers, status):
    """Neither asked nor done, and nothing has changed."""
    before = stored(row)
    assert client.get(verb_page(row, verb), answers).status_code == status
    assert client.post(verb_page(row, verb), answers).status_code == status
    assert stored(row) == before


def assert_done_once(client, row, verb, answers):
    client.post(verb_page(row, verb), answers)
    before = stored(row)
    assert client.post(verb_page(row, verb), answers).status_code == 409
    assert stored(row) == before


def assert_refused_when_stale(client, row, verb, answers):
    """Whoever looked at an older version is shown the new one, with what they wrote still there."""
    answers = answers | {"version": row.version}
    row.save()  # somebody else was quicker
    before = stored(row)
    response = client.post(verb_page(row, verb), answers)
    assert response.status_code == 409
    assert response.context["version"] == row.version
    assert stored(row) == before


def queries_of(client, url):
    """What a page that opens costs."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return [query["sql"][:300] for query in queries]


def assert_cheap(client, url):
    queries = queries_of(client, url)
    assert len(queries) <= MOST_QUERIES, "\n".join(query[:150] for query in queries[:20])


def fields_of(response):
    """The names of the fields a page lets its reader fill."""
    adminform = response.context["adminform"]
    shown = set(flatten_fieldsets(adminform.fieldsets))
    return shown & set(adminform.form.fields) - set(adminform.readonly_fields)


def sent_back(response, **changes):
    """What the browser would send if the page were saved as it is, with `changes`."""
    sent = {}
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.initial_forms]
    for form in forms:
        for bound in form:
            if (value := bound.value()) is not None and value is not False:
                _spread(sent, bound, value)
    return sent | changes


def _spread(sent, bound, value):
    """Several boxes of one field are sent as several values."""
    widget = bound.field.widget
    if not hasattr(widget, "decompress"):
        sent[bound.html_name] = bound.field.prepare_value(value) if value != "" else ""
        return
    for number, part in enumerate(widget.decompress(value)):
        sent[f"{bound.html_name}_{number}"] = part or ""
