"""The incidents' pages: verbs by people who may, nothing by people who may not, and nothing leaks."""

import time

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from config.admin import find
from config.transitions import verbs_of
from incidents.models import CustomerUpdate, Feedback, Incident, Severity, Subscriber, TimelineEntry
from tests.incidents.readers import many

VERBS = list(verbs_of(Incident))
# The verbs that bring a declared incident to each state.
ROADS = {
    "declared": [],
    "investigating": ["acknowledge"],
    "identified": ["identify"],
    "monitoring": ["mitigate"],
    "resolved": ["resolve"],
    "closed": ["resolve", "close"],
}


def page(row, view="change"):
    return reverse(f"admin:incidents_{row._meta.model_name}_{view}", args=[row.pk])


def verb_page(row, verb):
    return reverse(f"admin:incidents_{row._meta.model_name}_verb", args=[row.pk, verb])


def asked(incident, verb):
    """What the form of each verb is sent with, version included."""
    answers = {
        "reopen": {"reason": "It came back"},
        "change_severity": {
            "severity": Severity.objects.exclude(pk=incident.severity_id).first().pk,
            "reason": "Worse than we thought",
        },
        "advise": {"workaround": "Pay by transfer."},
        "correct_moments": {"started_at": "2026-01-01T10:00:00", "reason": "The logs say so"},
    }
    return {"version": incident.version, **answers.get(verb, {})}


def bring(incident, state, by):
    for verb in ROADS[state]:
        getattr(incident, verb)(by=by)
    return incident


def open_for(incident, verb, by):
    return bring(incident, verbs_of(Incident)[verb].allowed[0], by)


def snapshot(row):
    row = type(row).objects.filter(pk=row.pk).values().get()
    return row, TimelineEntry.history.count(), Incident.history.count(), CustomerUpdate.history.count()


# --- Verbs


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_offered_where_it_can_be_done(client, incident, ravi, verb):
    open_for(incident, verb, ravi)
    client.force_login(ravi)
    assert verb_page(incident, verb) in client.get(page(incident)).content.decode()


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_not_offered_to_the_wrong_role(client, incident, ravi, omar, verb):
    open_for(incident, verb, ravi)
    client.force_login(omar)
    assert verb_page(incident, verb) not in client.get(page(incident)).content.decode()


@pytest.mark.parametrize("verb", VERBS)
def test_asking_for_a_verb_changes_nothing(client, incident, ravi, verb):
    open_for(incident, verb, ravi)
    before = snapshot(incident)
    client.force_login(ravi)
    response = client.get(verb_page(incident, verb), asked(incident, verb))
    assert response.status_code == 200
    assert b"<main" in response.content
    assert snapshot(incident) == before


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_done_on_post_and_signed_with_its_reason(client, incident, ravi, verb):
    open_for(incident, verb, ravi)
    client.force_login(ravi)
    answers = asked(incident, verb)
    assert client.post(verb_page(incident, verb), answers).status_code == 302
    latest = incident.history.first()
    assert (latest.history_user_name, latest.history_actor_kind) == ("Ravi", "web")
    assert latest.history_change_reason == answers.get("reason", "")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_wrong_role_is_refused(client, incident, ravi, omar, verb, method):
    open_for(incident, verb, ravi)
    before = snapshot(incident)
    client.force_login(omar)
    assert getattr(client, method)(verb_page(incident, verb), asked(incident, verb)).status_code == 403
    assert snapshot(incident) == before


@pytest.mark.parametrize("verb", [name for name in VERBS if name not in ("correct_moments", "advise")])
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_wrong_state_is_refused_in_words(client, incident, ravi, verb, method):
    allowed = verbs_of(Incident)[verb].allowed
    bring(incident, next(state for state in ROADS if state not in allowed), ravi)
    before = snapshot(incident)
    client.force_login(ravi)
    response = getattr(client, method)(verb_page(incident, verb), asked(incident, verb))
    assert response.status_code == 409
    assert "it is not possible to" in response.content.decode()
    assert snapshot(incident) == before


@pytest.mark.parametrize("verb", VERBS)
def test_pressing_twice_does_it_once(client, incident, ravi, verb):
    open_for(incident, verb, ravi)
    client.force_login(ravi)
    answers = asked(incident, verb)
    client.post(verb_page(incident, verb), answers)
    before = snapshot(incident)
    assert client.post(verb_page(incident, verb), answers).status_code == 409
    assert snapshot(incident) == before


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("version", ["0", "", "x", "9" * 30])
def test_a_page_that_is_out_of_date_is_refused_and_may_be_confirmed(client, incident, ravi, verb, version):
    open_for(incident, verb, ravi)
    before = snapshot(incident)
    client.force_login(ravi)
    response = client.post(verb_page(incident, verb), asked(incident, verb) | {"version": version})
    assert response.status_code == 409
    assert snapshot(incident) == before
    assert response.context["version"] == incident.version
    assert response.context["form"].data


def test_what_a_verb_refuses_is_said_in_its_form(client, incident, ravi):
    client.force_login(ravi)
    answers = {"version": incident.version, "severity": incident.severity_id, "reason": "No idea"}
    response = client.post(verb_page(incident, "change_severity"), answers)
    assert response.status_code == 400
    assert "It is SEV1 already." in response.content.decode()


def test_a_missing_reason_is_asked_for(client, resolved, ravi):
    client.force_login(ravi)
    response = client.post(verb_page(resolved, "reopen"), {"version": resolved.version})
    assert response.status_code == 400
    assert "reason" in response.context["form"].errors


def test_moments_are_read_in_the_zone_of_who_writes_them(client, incident, ravi):
    ravi.time_zone = "Asia/Kolkata"
    ravi.save()
    client.force_login(ravi)
    answers = {"version": incident.version, "started_at": "2026-01-01T10:00", "reason": "Logs"}
    client.post(verb_page(incident, "correct_moments"), answers)
    incident.refresh_from_db()
    assert incident.started_at.isoformat() == "2026-01-01T04:30:00+00:00"


def test_a_correction_leaves_untouched_moments_to_the_microsecond(client, resolved, ravi):
    client.force_login(ravi)
    form = client.get(verb_page(resolved, "correct_moments")).context["form"]
    shown = {name: form[name].value() for name in form.fields if form[name].value()}
    sent = {name: form[name].field.widget.format_value(value) for name, value in shown.items()}
    sent |= {"started_at": "2026-01-01T10:00:00", "reason": "Logs", "version": resolved.version}
    assert client.post(verb_page(resolved, "correct_moments"), sent).status_code == 302
    detected, resolved_at = resolved.detected_at, resolved.resolved_at
    resolved.refresh_from_db()
    assert (resolved.detected_at, resolved.resolved_at) == (detected, resolved_at)
    assert "started: " in resolved.timeline.last().text
    assert "resolved: " not in resolved.timeline.last().text


def test_an_unknown_verb_is_not_found(client, incident, admin_user):
    client.force_login(admin_user)
    assert client.get(verb_page(incident, "delete")).status_code == 404
    assert client.post(verb_page(incident, "save")).status_code == 404


# --- Declaring and editing


def test_ravi_declares_an_incident(client, ravi, severity, service):
    client.force_login(ravi)
    sent = {
        "title": "Logins fail",
        "severity": severity.pk,
        "affected": [service.pk],
        "since": "2026-01-01T10:00",
        "detection": "customer",
        "visibility": "internal",
    }
    assert client.post(reverse("admin:incidents_incident_add"), sent).status_code == 302
    incident = Incident.objects.get(title="Logins fail")
    assert incident.declared_by == ravi
    assert incident.started_at < incident.declared_at
    assert [impact.service for impact in incident.service_impacts.all()] == [service]
    assert "Declared as SEV1." in [entry.text for entry in incident.timeline.all()]


def test_an_incident_cannot_begin_in_the_future(client, ravi, severity):
    client.force_login(ravi)
    sent = {"title": "x", "severity": severity.pk, "since": "2100-01-01T10:00", "detection": "alert"}
    response = client.post(reverse("admin:incidents_incident_add"), sent | {"visibility": "public"})
    assert response.status_code == 200
    assert not Incident.objects.exists()


def test_only_responders_declare(client, ana, lena, aud):
    for person in (ana, lena, aud):
        client.force_login(person)
        assert client.get(reverse("admin:incidents_incident_add")).status_code == 403


def test_status_and_severity_cannot_be_set_past_their_verbs(client, incident, ravi):
    client.force_login(ravi)
    form = client.get(page(incident)).context["adminform"].form
    assert set(form.fields) & {"status", "severity", "resolved_at", "declared_by"} == set()


def test_nobody_but_a_superuser_deletes_an_incident(client, incident, ravi, admin_user):
    client.force_login(ravi)
    assert client.post(page(incident, "delete"), {"post": "yes"}).status_code == 403
    client.force_login(admin_user)
    assert client.post(page(incident, "delete"), {"post": "yes"}).status_code == 302
    assert not Incident.objects.exists()


def management(prefix, total=0):
    return {f"{prefix}-TOTAL_FORMS": total, f"{prefix}-INITIAL_FORMS": 0}


def edited(incident, **fields):
    """The change form of an incident as it is sent, with empty inlines."""
    sent = {"version": incident.version, "title": incident.title, "detection": incident.detection}
    sent |= {"visibility": incident.visibility, "summary": incident.summary}
    sent |= (
        management("updates")
        | management("milestones")
        | management("service_impacts")
        | management("region_impacts")
    )
    return sent | management("timeline") | management("assignments") | fields


def test_a_note_on_the_timeline_is_signed_by_its_author(client, incident, ravi):
    client.force_login(ravi)
    note = {"timeline-0-at_0": "01/02/2026", "timeline-0-at_1": "10:00:00", "timeline-0-kind": "note"}
    note |= management("timeline", 1) | {"timeline-0-text": "Support sees tickets"}
    assert client.post(page(incident), edited(incident, **note)).status_code == 302
    assert incident.timeline.get(kind="note").author == ravi


def test_a_long_timeline_shows_its_newest_hundred_and_no_form_for_each(client, incident, ravi):
    now = timezone.now()
    incident.timeline.bulk_create(
        TimelineEntry(incident=incident, text=f"entry {n}.", at=now) for n in range(300)
    )
    client.force_login(ravi)
    text = client.get(page(incident)).content.decode()
    assert text.count("entry 299.") == 1
    assert "entry 199." not in text
    assert text.count('name="timeline-') < 20


def test_the_incident_links_to_its_retro_and_that_to_its_actions(client, item, retro, resolved, ana):
    client.force_login(ana)
    text = client.get(page(resolved)).content.decode()
    assert f"RETRO-{retro.pk:04d}" in text
    assert f"ACT-{item.pk:04d}" in text


# --- Customer updates


@pytest.fixture
def draft(incident):
    return incident.updates.create(text="We are looking into it.")


def test_publishing_asks_first_and_tells_customers_once(client, draft, lena):
    client.force_login(lena)
    before = snapshot(draft)
    assert client.get(verb_page(draft, "publish")).status_code == 200
    assert snapshot(draft) == before
    sent = {"version": draft.version}
    assert client.post(verb_page(draft, "publish"), sent).status_code == 302
    assert client.post(verb_page(draft, "publish"), sent).status_code == 409
    draft.refresh_from_db()
    assert draft.published_by == lena
    assert draft.incident.timeline.filter(kind="update").count() == 1


def test_only_communicators_publish(client, draft, ravi, ana):
    for person in (ravi, ana):
        client.force_login(person)
        assert verb_page(draft, "publish") not in client.get(page(draft)).content.decode()
        assert client.post(verb_page(draft, "publish"), {"version": draft.version}).status_code == 403
    draft.refresh_from_db()
    assert not draft.is_published


def test_a_stale_draft_is_not_published(client, draft, lena):
    client.force_login(lena)
    CustomerUpdate.objects.get(pk=draft.pk).save()
    assert client.post(verb_page(draft, "publish"), {"version": draft.version}).status_code == 409
    draft.refresh_from_db()
    assert not draft.is_published


def test_what_was_published_cannot_be_edited(client, draft, lena, admin_user):
    draft.publish(by=lena)
    for person in (lena, admin_user):
        client.force_login(person)
        sent = {"version": draft.version, "status": "resolved", "text": "Never happened"}
        assert client.post(page(draft), sent).status_code == 403
    assert CustomerUpdate.objects.get().text == "We are looking into it."


def test_what_a_verb_wrote_on_the_timeline_can_only_be_starred(client, incident, ana):
    entry = incident.timeline.get()
    client.force_login(ana)
    assert client.post(page(entry), {"text": "Never happened"}).status_code == 302
    assert client.post(page(entry, "delete"), {"post": "yes"}).status_code == 403
    entry.refresh_from_db()
    assert (entry.text, entry.is_key) == ("Declared as SEV1.", False)


# --- What is restricted

SECRET = "Payroll keys were published"


@pytest.fixture
def secret(severity, service, admin_user):
    incident = Incident.objects.declare(
        by=admin_user, title=SECRET, severity=severity, visibility="restricted", services=[service]
    )
    incident.updates.create(text=f"{SECRET} draft")
    incident.log("note", f"{SECRET} note")
    return incident


LISTS = ["incident", "timelineentry", "customerupdate", "assignment", "incidentservice", "incidentregion"]


@pytest.mark.parametrize("model", LISTS)
def test_lists_and_their_search_hide_what_is_restricted(client, secret, ana, aud, model):
    address = reverse(f"admin:incidents_{model}_changelist")
    client.force_login(ana)
    for query in ("", "?q=Payroll", f"?q=INC-{secret.pk}", f"?q={secret.pk}"):
        response = client.get(address + query)
        assert response.status_code == 200
        assert SECRET not in response.content.decode()
        assert response.context["cl"].result_count == 0
    client.force_login(aud)
    assert SECRET in client.get(reverse("admin:incidents_incident_changelist")).content.decode()


@pytest.mark.parametrize("view", ["change", "history"])
def test_a_restricted_incident_looks_like_one_that_is_not_there(client, secret, ana, view):
    client.force_login(ana)
    hidden = client.get(page(secret, view), follow=True)
    missing = client.get(reverse(f"admin:incidents_incident_{view}", args=[999999]), follow=True)
    assert hidden.redirect_chain == missing.redirect_chain
    texts = [response.content.decode() for response in (hidden, missing)]
    assert SECRET not in texts[0]
    assert f"with ID “{secret.pk}” doesn’t exist" in texts[0]
    assert "with ID “999999” doesn’t exist" in texts[1]


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_verbs_of_a_restricted_incident_look_like_those_of_none(client, secret, ravi, method):
    client.force_login(ravi)
    response = getattr(client, method)(verb_page(secret, "acknowledge"), {"version": secret.version})
    assert (response.status_code, response.url) == (302, reverse("admin:index"))
    secret.refresh_from_db()
    assert secret.status == "declared"


def test_the_parts_of_a_restricted_incident_are_hidden_too(client, secret, ana):
    client.force_login(ana)
    for part in (secret.timeline.last(), secret.updates.get(), secret.service_impacts.get()):
        for view in ("change", "history"):
            assert client.get(page(part, view)).url == reverse("admin:index")


def test_choices_and_the_search_box_do_not_name_what_is_restricted(client, rf, secret, ana, aud):
    query = {"app_label": "incidents", "model_name": "timelineentry", "field_name": "incident"}
    found = {}
    for person in (ana, aud):
        client.force_login(person)
        address = reverse("admin:autocomplete")
        found[person] = client.get(address, query | {"term": "Payroll"}).json()["results"]
        request = rf.get("/")
        request.user = person
        found[person] += [one for one in find(request, "payroll") if SECRET in one.title]
    assert found[ana] == []
    assert len(found[aud]) >= 2


def test_nothing_can_be_added_to_a_restricted_incident(client, secret, ravi):
    client.force_login(ravi)
    sent = {"incident": secret.pk, "kind": "note", "text": "x", "at_0": "01/02/2026", "at_1": "10:00:00"}
    response = client.post(reverse("admin:incidents_timelineentry_add"), sent)
    assert response.status_code == 200
    assert "incident" in response.context["adminform"].form.errors
    assert not secret.timeline.filter(text="x").exists()


def test_whoever_has_a_role_in_it_sees_it(client, secret, ravi):
    secret.assignments.create(user=ravi, role="commander")
    client.force_login(ravi)
    assert SECRET in client.get(page(secret)).content.decode()


def test_what_happened_while_it_was_restricted_stays_hidden(client, secret, ana, aud):
    secret.refresh_from_db()
    secret.title, secret.visibility = "A key was renewed", "public"
    secret.save()
    time.sleep(0.005)  # SQLite tells moments apart by the millisecond
    secret.timeline.create(text="Told everybody")
    for person, is_told in ((ana, False), (aud, True)):
        client.force_login(person)
        text = client.get(page(secret, "history")).content.decode()
        assert (SECRET in text) == is_told
        assert "A key was renewed" in text
        assert "Told everybody" in text


def test_the_history_of_a_deleted_restricted_incident_stays_hidden(client, secret, ana, aud):
    address = page(secret, "history")
    secret.delete()
    client.force_login(ana)
    assert client.get(address).url == reverse("admin:index")
    client.force_login(aud)
    assert SECRET in client.get(address).content.decode()


# --- Every page, at every size


def every_list():
    return [model for model in admin.site._registry if model._meta.app_label == "incidents"]


@pytest.mark.parametrize("rows", [5, 200])
@pytest.mark.parametrize("model", every_list(), ids=lambda model: model._meta.model_name)
def test_a_list_needs_at_most_twelve_queries(
    client, django_assert_max_num_queries, ravi, lena, severity, service, model, rows
):
    Incident.objects.bulk_create(Incident(title=f"No. {n}", severity=severity) for n in range(rows))
    for incident in Incident.objects.all():
        incident.service_impacts.create(service=service)
        incident.updates.create(text="Told", published_by=None)
        incident.assignments.create(user=ravi, role="scribe")
        incident.log("note", "Seen", by=ravi)
    many(rows)
    client.force_login(
        lena if model is Subscriber else ravi
    )  # who responds does not read customers' addresses
    with django_assert_max_num_queries(12):
        assert client.get(reverse(f"admin:incidents_{model._meta.model_name}_changelist")).status_code == 200


@pytest.mark.parametrize("parts", [2, 60])
def test_the_page_of_an_incident_needs_as_many_queries_for_two_parts_as_for_sixty(
    client, django_assert_max_num_queries, incident, ravi, parts
):
    from incidents.models import Region, Service

    now = timezone.now()
    for n in range(parts):
        incident.service_impacts.create(service=Service.objects.create(slug=f"s{n}", name=f"S {n}"))
        incident.region_impacts.create(region=Region.objects.create(slug=f"r{n}", name=f"R {n}"))
        incident.assignments.create(user=ravi, role="scribe", from_at=now, until_at=now)
        incident.log("note", "Seen", by=ravi)
    client.force_login(ravi)
    with django_assert_max_num_queries(32):
        assert client.get(page(incident)).status_code == 200


@pytest.mark.parametrize("model", every_list(), ids=lambda model: model._meta.model_name)
def test_every_page_opens_has_a_main_landmark_and_changes_nothing(client, resolved, admin_user, model):
    resolved.updates.create(text="Told")
    resolved.assignments.create(user=admin_user, role="scribe")
    client.force_login(admin_user)
    name = f"admin:incidents_{model._meta.model_name}"
    row = model.objects.first()
    before = Incident.history.count(), TimelineEntry.history.count()
    views = [reverse(f"{name}_changelist")]
    views += [] if model is Feedback else [reverse(f"{name}_add")]  # customers alone give it
    views += [reverse(f"{name}_{v}", args=[row.pk]) for v in ("change", "history", "delete")] if row else []
    for view in views:
        response = client.get(view)
        assert response.status_code == 200
        assert response.content.count(b"<main") == 1
    assert (Incident.history.count(), TimelineEntry.history.count()) == before


def test_lists_can_be_filtered(client, incident, severity, service, ravi):
    client.force_login(ravi)
    today = timezone.localdate().isoformat()
    for query, count in [
        ("status__exact=declared", 1),
        ("status__exact=closed", 0),
        (f"severity__id__exact={severity.pk}", 1),
        (f"services__id__exact={service.pk}", 1),
        ("visibility__exact=public", 0),
        ("is_drill__exact=0", 1),
        (f"declared_at_from={today}&declared_at_to={today}", 1),
        ("declared_at_to=2001-01-01", 0),
        ("declared_at_from=nonsense", 1),
    ]:
        response = client.get(reverse("admin:incidents_incident_changelist") + "?" + query)
        assert response.context["cl"].result_count == count, query
