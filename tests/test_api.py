"""What every resource of the API has in common."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.apps import apps
from django.test import Client
from django.urls import get_resolver

from actions.models import ActionItem, EffectivenessCheck
from config.api.problems import server_error
from config.outbox.models import Delivery
from config.transitions import verbs_of
from incidents.models import CustomerUpdate, Incident, Maintenance, Milestone, Subscriber, TimelineEntry
from retros.models import (
    Comment,
    Impression,
    Learning,
    Meeting,
    Perspective,
    Retrospective,
    Review,
    Step,
)
from tests.api import ROOT, Caller, is_problem
from tests.conftest import make_publishable
from tests.faults import each_break_of, snapshot

LISTS = (
    *("incidents", "retros", "action-items", "services", "regions", "severities", "factors"),
    *("message-templates", "publishing-rights", "validation-checks", "maintenances", "subscribers"),
)


# --- Every verb, through the API -------------------------------------------------------------------------

IN_A_MONTH = "2199-01-01"
SOON = (datetime.now(UTC).date() + timedelta(days=2)).isoformat()  # later than today, at midnight too
INCIDENT = {
    # verb: (what it asks, the verbs that lead from the first state to one in which it is not possible);
    # None: it is possible in every state.
    "acknowledge": ({}, ["acknowledge"]),
    "identify": ({"note": "A full disk."}, ["resolve"]),
    "mitigate": ({"note": "Rolled back."}, ["resolve"]),
    "resolve": ({}, ["resolve"]),
    "reopen": ({"reason": "It is back."}, []),
    "close": ({"reason": "All said."}, []),
    "change_severity": ({"severity": "SEV2", "reason": "Fewer than thought."}, ["resolve", "close"]),
    "advise": ({"workaround": "Pay by transfer.", "workaround_is_public": True}, None),
    "correct_moments": ({"detected_at": None, "reason": "Nobody knows."}, None),
}
UPDATE = {
    "publish": ({}, ["publish"]),
    "submit": ({}, ["publish"]),
    "send_back": ({"reason": "Say what to do."}, []),
    "correct": ({"text": "Paying is slow.", "reason": "It never failed."}, []),
}
RETRO = {
    "send_for_review": ({}, ["send_for_review"]),
    "return_to_draft": ({"reason": "A part is missing."}, []),
    "publish": ({}, []),
    "reopen": ({"reason": "A finding was missing."}, []),
}
ITEM = {
    "start": ({}, ["start"]),
    "complete": ({"evidence": "https://example.com/1"}, ["complete"]),
    "postpone": ({"due_on": IN_A_MONTH, "reason": "The supplier is late."}, ["complete"]),
    "hand_over": ({"to": "ana@example.com"}, ["complete"]),
    "keep": ({}, ["complete"]),
    "snooze": ({"until": SOON}, ["complete"]),
    "block": ({"waits_for": "The supplier.", "until": SOON}, ["complete"]),
    "unblock": ({}, ["complete"]),
    "reassign": ({"owner": "ana@example.com"}, ["complete"]),
    "drop": ({"reason": "Not worth it."}, ["complete"]),
    "reopen": ({"reason": "It was not done."}, []),
}
# What leads from the first state to one in which the verb is possible.
BEFORE = {
    (Incident, "reopen"): ["resolve"],
    (Incident, "close"): ["resolve"],
    (CustomerUpdate, "send_back"): ["submit"],
    (CustomerUpdate, "correct"): ["publish"],
    (Retrospective, "return_to_draft"): ["send_for_review"],
    (Retrospective, "publish"): ["send_for_review"],
    (Retrospective, "reopen"): ["send_for_review", "publish"],
    (ActionItem, "keep"): ["hand_over"],
    (ActionItem, "unblock"): ["block"],
    (ActionItem, "reopen"): ["complete"],
}
TABLE = {Incident: INCIDENT, CustomerUpdate: UPDATE, Retrospective: RETRO, ActionItem: ITEM}
CASES = [(model, name) for model, table in TABLE.items() for name in table]
NAMED = [f"{model.__name__}.{name}" for model, name in CASES]
every_verb = pytest.mark.parametrize(("model", "name"), CASES, ids=NAMED)


@pytest.fixture
def rows(incident, retro_of_another, admin_user):
    """A row of each model in its first state, which the administrator may change."""
    item = ActionItem.objects.create(
        title="Do it", why="Customers", owner=admin_user, due_on=date(2100, 1, 1)
    )
    update = incident.updates.create(text="We are looking.")
    return {Incident: incident, CustomerUpdate: update, Retrospective: retro_of_another, ActionItem: item}


@pytest.fixture
def retro_of_another(ravi, severity, ana):
    other = Incident.objects.declare(by=ravi, title="Another", severity=severity)
    return make_publishable(Retrospective.objects.open_for(other, facilitator=ana))


def address(row):
    if isinstance(row, CustomerUpdate):
        return f"incidents/{row.incident.reference}/updates/{row.pk}/"
    room = {Incident: "incidents", Retrospective: "retros", ActionItem: "action-items"}[type(row)]
    return f"{room}/{row.reference}/"


def do(row, by, *names):
    for name in names:
        answer = Caller(by).post(f"{address(row)}{name}/", TABLE[type(row)][name][0])
        assert answer.status_code == 200, (name, answer.content)
    row.refresh_from_db()
    return row


def ask(row, by, name, **headers):
    return Caller(by).post(f"{address(row)}{name}/", TABLE[type(row)][name][0], **headers)


def stored(row):
    return type(row)._base_manager.filter(pk=row.pk).values().get()


def test_every_verb_is_in_the_table():
    models = {model for model in apps.get_models() if verbs_of(model)} - {Delivery}  # the admin's alone
    # In tests/incidents/test_milestones.py and tests/actions/test_checks_admin.py.
    models -= {Milestone, EffectivenessCheck}
    models -= {Review, Comment}  # tests/retros/test_reviews_api.py
    # Of the workspace of a retro: tests/retros/test_workspace_api.py and tests/incidents/test_corrections.py.
    models -= {Step, TimelineEntry}
    models -= {Maintenance, Subscriber}  # tests/incidents/test_maintenance_api.py and test_subscribers_api.py
    # In tests/retros/test_learning_verbs.py and test_asking_verbs.py.
    models -= {Learning, Meeting, Impression, Perspective}
    known = {(m.__name__, n) for m in models for n in verbs_of(m)}
    # Of whoever was asked to take it over, not of who owns it: tests/actions/test_api.py.
    known -= {("ActionItem", "accept"), ("ActionItem", "decline")}
    # Of other people's rows: tests/retros/test_reviews_api.py.
    known -= {("Retrospective", "ask_reviewers"), ("Retrospective", "confirm_facilitator")}
    assert known == {(m.__name__, n) for m, n in CASES}


@every_verb
def test_a_verb_does_what_the_model_does_and_answers_with_the_new_version(rows, admin_user, ana, model, name):
    row = do(rows[model], admin_user, *BEFORE.get((model, name), ()))
    answer = ask(row, admin_user, name, If_Match=f'"{row.version}"')
    assert answer.status_code == 200, answer.content
    row.refresh_from_db()
    assert answer["ETag"] == f'"{row.version}"'
    assert answer.json()["version"] == row.version
    assert answer.json()["status"] == row.status


@every_verb
def test_a_verb_is_refused_to_the_wrong_role(rows, admin_user, aud, model, name):
    row = do(rows[model], admin_user, *BEFORE.get((model, name), ()))
    before = stored(row)
    assert is_problem(ask(row, aud, name), 403)
    assert stored(row) == before


@every_verb
def test_a_verb_is_refused_in_the_wrong_state(rows, admin_user, ana, model, name):
    there = TABLE[model][name][1]
    if there is None:
        assert set(verbs_of(model)[name].allowed) == {state.value for state in model.Status}
        return
    row = do(rows[model], admin_user, *there)
    before = stored(row)
    assert is_problem(ask(row, admin_user, name), 409)
    assert stored(row) == before


@every_verb
def test_a_verb_done_twice_changes_nothing_the_second_time(rows, admin_user, ana, model, name):
    row = do(rows[model], admin_user, *BEFORE.get((model, name), ()), name)
    before = stored(row)
    again = ask(row, admin_user, name)
    assert again.status_code in (400, 409), again.content  # 400: it is so already
    assert stored(row) == before


@every_verb
def test_a_verb_on_a_stale_version_is_refused(rows, admin_user, ana, model, name):
    row = do(rows[model], admin_user, *BEFORE.get((model, name), ()))
    stale = row.version
    row.save()
    before = stored(row)
    answer = ask(row, admin_user, name, If_Match=f'"{stale}"')
    assert is_problem(answer, 412)
    assert answer.json()["version"] == stale + 1
    assert stored(row) == before


@every_verb
def test_a_verb_takes_nothing_it_does_not_ask_for(rows, admin_user, model, name):
    row = do(rows[model], admin_user, *BEFORE.get((model, name), ()))
    body = TABLE[model][name][0] | {"by": admin_user.pk}
    answer = Caller(admin_user).post(f"{address(row)}{name}/", body)
    assert is_problem(answer, 400)
    assert list(answer.json()["errors"]) == ["by"]


@every_verb
def test_a_verb_is_no_link(rows, admin_user, model, name):
    row = do(rows[model], admin_user, *BEFORE.get((model, name), ()))
    before = stored(row)
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = Caller(admin_user).ask(method, f"{address(row)}{name}/")
        assert answer.status_code == 405
        assert answer["Allow"] == "POST"
    assert stored(row) == before


def test_the_history_says_who_by_which_road_and_in_which_request(rows, ravi):
    answer = ask(rows[Incident], ravi, "acknowledge")
    entry = Incident.history.order_by("-history_id").first()
    assert entry.history_user_id == ravi.pk
    assert entry.history_user_name == "Ravi (token “test”)"
    assert entry.history_actor_kind == "api"
    assert entry.history_request_id == answer["X-Request-ID"]


def test_a_session_is_named_without_a_token(rows, ravi):
    caller = Caller(ravi, by_session=True)
    answer = caller.patch(address(rows[Incident]), {"title": "New"}, version=rows[Incident].version)
    entry = Incident.history.order_by("-history_id").first()
    assert (entry.history_user_id, entry.history_user_name, entry.history_actor_kind) == (
        ravi.pk,
        "Ravi",
        "api",
    )
    assert entry.history_request_id == answer["X-Request-ID"]


def is_whole_or_absent(ask, caller, *models):
    """Break a request at each of its statements: it leaves everything it does, or nothing.

    What breaks after the work is done (reading the answer) is an error with the work done, which is allowed.
    """

    def sizes():
        return {name: len(rows) for name, rows in snapshot(*models).items()}

    caller.get("incidents/")  # notes the use of the token, which is no part of the work
    before = sizes()
    left = [sizes() for fault in each_break_of(ask)]
    done = [there for there in left if there != before]
    assert before in left
    assert all(there == left[-1] != before for there in done)
    return bool(done)


def test_a_declaration_is_whole_or_absent(ravi, severity, service):
    body = {"title": "Logins fail", "severity": "SEV1", "services": [{"service": "checkout"}]}
    caller = Caller(ravi)
    models = (Incident, Incident.services.through, TimelineEntry)
    assert is_whole_or_absent(lambda: caller.post("incidents/", body), caller, *models)


def test_an_edit_is_whole_or_absent(ravi, incident):
    caller = Caller(ravi)
    body = {"title": "New", "services": [], "customers_affected": 7}
    models = (Incident, Incident.services.through)
    version = incident.version
    edit = lambda: caller.patch(address(incident), body, version=version)  # noqa: E731
    assert is_whole_or_absent(edit, caller, *models)


def test_the_reason_of_a_verb_is_in_the_history(rows, admin_user):
    do(rows[Incident], admin_user, "resolve", "reopen")
    assert Incident.history.order_by("-history_id").first().history_change_reason == "It is back."


# --- Who may ask -----------------------------------------------------------------------------------------


def routes(**keys):
    """Every address of the API; `keys` are what stands for a row, by the resource it is of."""
    (api,) = (p for p in get_resolver().url_patterns if str(p.pattern) == "api/v1/")
    for pattern in api.url_patterns:
        text = str(pattern.pattern).removeprefix("^").removesuffix("$").removesuffix("\\Z")
        for name in ("incident", "retro", "maintenance"):
            text = text.replace(f"(?P<{name}>[^/]+)", str(keys.get(f"{name}s", 1)))
        rooms = [part for part in text.partition("/(?P")[0].split("/") if part in keys]
        text = text.replace("(?P<key>[^/]+)", str(keys[rooms[-1]] if rooms else 1))
        yield text.replace("<path:rest>", "nowhere/at/all").replace("\\", "")


def test_nothing_is_told_to_whoever_is_not_signed_in(rows):
    for path in routes():
        if path == "docs/":  # a page for people, who are asked to sign in: the next test
            continue
        for method in ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"):
            answer = Client().generic(method, ROOT + path)
            assert answer.status_code == 401, (method, path)
            assert answer["Content-Type"] == "application/problem+json"
            assert answer["WWW-Authenticate"] == "Bearer"


def test_the_docs_page_asks_a_person_to_sign_in(client, db):
    assert client.get(f"{ROOT}docs/")["Location"].startswith("/admin/login/")
    assert client.get(f"{ROOT}schema/").status_code == 401


def test_somebody_without_a_role_is_told_nothing(rows, stranger):
    caller = Caller(stranger)
    for path in routes():
        if path.partition("/")[0] in LISTS:
            assert caller.get(path).status_code in (403, 405), path


CANARY = "xyzzy-canary"


@pytest.fixture
def secrets(retro, resolved, item):
    """A restricted incident and all that hangs on it, each with a canary in its text; the keys by resource."""
    update = resolved.updates.create(text=CANARY)
    entry = resolved.log("note", CANARY)
    section = retro.sections.create(heading=CANARY)
    finding = retro.findings.create(kind="luck", text=CANARY)
    learning = Learning.objects.create(retro=retro, title=CANARY, slug="canary")
    milestone = resolved.milestones.create(title=CANARY)
    count = resolved.ticket_counts.create(count=3, source=CANARY)
    ticket = resolved.support_tickets.create(reference=CANARY)
    step = retro.steps.get(kind="factors")
    step.leave_out(by=None, reason=CANARY)
    mark = retro.marks.create(entry=entry, note=CANARY)
    Incident.objects.filter(pk=resolved.pk).update(title=CANARY, visibility="restricted", declared_by=None)
    Retrospective.objects.filter(pk=retro.pk).update(title=CANARY, facilitator=None)
    ActionItem.objects.filter(pk=item.pk).update(title=CANARY, owner=None)
    return {
        "incidents": resolved.reference,
        "retros": retro.reference,
        "action-items": item.reference,
        "updates": update.pk,
        "timeline": entry.pk,
        "sections": section.pk,
        "findings": finding.pk,
        "learnings": learning.reference,
        "milestones": milestone.pk,
        "ticket-counts": count.pk,
        "support-tickets": ticket.pk,
        "steps": step.pk,
        "marks": mark.pk,
    }


def answers_with_canary(user, secrets):
    caller = Caller(user)
    return {path for path in routes(**secrets) if CANARY.encode() in caller.get(path).content}


def test_nothing_of_a_restricted_incident_is_told_anywhere(secrets, ravi, lena, ana, omar, aud):
    # The auditor shows that the canaries are where this test looks for them.
    # Milestones, counts and tickets twice each, and the counts once more as figures.
    assert len(answers_with_canary(aud, secrets)) == 21 + 7
    for person in (ravi, lena, ana, omar):
        assert answers_with_canary(person, secrets) == set()


def test_a_hidden_row_cannot_be_told_from_none(secrets, lena):
    caller, gone = Caller(lena), dict.fromkeys(secrets, 999999)
    for hidden, nowhere in zip(routes(**secrets), routes(**gone), strict=True):
        for method in ("GET", "POST", "PATCH") if hidden != nowhere else ():
            told = caller.ask(method, hidden, {}, If_Match='"1"')
            assert told.content == caller.ask(method, nowhere, {}, If_Match='"1"').content, (method, hidden)


def test_options_tell_nothing(ravi, incident):
    for path in ("incidents/", address(incident)):
        answer = Caller(ravi).ask("OPTIONS", path)
        assert is_problem(answer, 405)
        assert b"Checkout" not in answer.content


def test_get_changes_no_row(rows, admin_user):
    caller = Caller(admin_user)
    caller.get("incidents/")  # notes the use of the token
    before = [stored(row) for row in rows.values()] + [m.history.count() for m in rows]
    for path in routes():
        caller.get(path)
    assert [stored(row) for row in rows.values()] + [m.history.count() for m in rows] == before


def test_a_session_writes_only_with_its_csrf_token(ravi, incident):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ravi)
    path = f"{ROOT}{address(incident)}acknowledge/"
    assert client.get(f"{ROOT}incidents/").status_code == 200
    assert is_problem(client.post(path, {}, "application/json"), 403)
    incident.refresh_from_db()
    assert incident.status == "declared"


def test_a_method_is_not_overridden_by_a_header_or_field(ravi, incident):
    caller = Caller(ravi)
    for method, path in (("GET", address(incident)), ("POST", "incidents/")):
        answer = caller.ask(method, path, {"_method": "DELETE"}, X_HTTP_Method_Override="DELETE")
        assert answer.status_code in (200, 400)
    assert Incident.objects.filter(pk=incident.pk).exists()


def test_no_other_site_may_read_the_answers(ravi, incident):
    answer = Caller(ravi).get("incidents/", Origin="https://evil.example")
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
    assert answer["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "Authorization"} <= {name.strip() for name in answer["Vary"].split(",")}


# --- What is answered -----------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "text/*", "nonsense"])
def test_only_json_is_spoken(ravi, incident, accept):
    assert is_problem(Caller(ravi).get("incidents/", Accept=accept), 406)


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/*", "text/html, */*;q=0.1"])
def test_json_is_answered_to_whoever_takes_it(ravi, incident, accept):
    assert Caller(ravi).get("incidents/", Accept=accept)["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "nowhere/",
        "incidents",
        "incidents/1/nowhere/",
        "incidents/1/2/3/",
        "%00/",
        "%ED%A0%80/",
        "\ud83d\ude80/",
    ],
)
def test_what_is_nowhere_is_a_problem_too(ravi, incident, path):
    assert is_problem(Caller(ravi).get(path.encode("utf-16", "surrogatepass").decode("utf-16")), 404)


def test_a_delete_is_not_known(admin_user, incident):
    assert is_problem(Caller(admin_user).ask("DELETE", address(incident)), 405)
    assert is_problem(Caller(admin_user).ask("PUT", address(incident), {}), 405)


def test_a_request_for_another_host_is_a_problem(ravi):
    assert is_problem(Caller(ravi).get("incidents/", Host="evil.example"), 400)


def test_an_error_outside_every_view_is_a_problem_in_the_api_alone(rf):
    answer = server_error(rf.get(f"{ROOT}incidents/"))
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert server_error(rf.get("/admin/"))["Content-Type"].startswith("text/html")


def test_what_nobody_foresaw_tells_nothing_of_its_inside(ravi, incident, monkeypatch, caplog):
    def fail(self, user):
        raise RuntimeError("secret canary")

    monkeypatch.setattr(type(Incident.objects.all()), "visible_to", fail)
    answer = Caller(ravi).get("incidents/")
    assert is_problem(answer, 500)
    assert b"canary" not in answer.content
    assert "secret canary" in caplog.text


# --- The description -------------------------------------------------------------------------------------


def test_the_docs_page_loads_everything_from_here(ravi, client):
    client.force_login(ravi)
    page = client.get(f"{ROOT}docs/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "https://" not in text
    assert "http://" not in text
    assert "<script>" not in text  # the policy of pages outside the admin runs script files alone
    script = client.get(f"{ROOT}docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert '"validatorUrl": null' in script.content.decode()
