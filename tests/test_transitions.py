"""What every verb of the product has in common, and the one place that runs them."""

import inspect
import threading

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Permission
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from config.audit.actor import TASK, acting, current
from config.audit.models import StaleVersion
from config.transitions import NotPermitted, WrongState, signed, state_of, transition, verbs_for, verbs_of
from incidents.models import CustomerUpdate, Incident
from tests.cases import assert_refused

pytestmark = pytest.mark.django_db
VERBS = [
    pytest.param(model, name, about, id=f"{model._meta.model_name}-{name}")
    for model in apps.get_models()
    for name, about in verbs_of(model).items()
]
each_verb = pytest.mark.parametrize(("model", "name", "about"), VERBS)


def asks(about):
    return set(about.form_class().base_fields)


def test_there_are_verbs_to_look_at():
    assert len(VERBS) >= 19


@each_verb
def test_its_form_asks_for_exactly_what_it_takes(model, name, about):
    method = inspect.signature(inspect.unwrap(getattr(model, name)))
    takes = {p.name: p for p in method.parameters.values()}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in takes.values())
    required = {n for n, p in takes.items() if p.default is p.empty and p.kind is p.KEYWORD_ONLY} - {"by"}
    # The moment and the reason may always be given; what else a verb takes only its form can ask for.
    assert required <= asks(about)
    assert takes_any or asks(about) <= set(takes)
    assert takes_any or set(takes) - asks(about) <= {"self", "by", "reason", "at"}


@each_verb
def test_who_and_what_else_are_named_not_counted(model, name, about):
    parameters = list(inspect.signature(inspect.unwrap(getattr(model, name))).parameters.values())[1:]
    assert {p.kind for p in parameters} <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}
    assert parameters[0].name == "by"
    assert parameters[0].default is inspect.Parameter.empty


@each_verb
def test_its_states_exist_and_its_docstring_says_what_it_means(model, name, about):
    states = {value for value, _ in model._meta.get_field(getattr(model, "state_field", "status")).choices}
    assert set(about.allowed) <= states
    assert about.allowed
    assert inspect.getdoc(getattr(model, name))
    assert about.label == about.label.capitalize()


def belonging_to_nobody(model):
    """A row that is not stored, nor is what it is a part of."""
    parts = [f for f in model._meta.fields if f.many_to_one and not f.null]
    return model(**{part.name: part.related_model() for part in parts})


@each_verb
def test_its_permission_exists(model, name, about, stranger):
    if callable(about.permission):
        assert about.permits(belonging_to_nobody(model), stranger) is False
        return
    app, _, codename = about.permission.partition(".")
    assert Permission.objects.filter(content_type__app_label=app, codename=codename).exists()


@each_verb
def test_what_is_grave_asks_why(model, name, about):
    assert not about.is_grave or about.form_class().base_fields["reason"].required


def test_verbs_are_listed_in_the_order_of_their_class():
    assert list(verbs_of(Incident))[:4] == ["acknowledge", "identify", "mitigate", "resolve"]
    assert verbs_of(type("Plain", (), {})) == {}


# --- The place that runs them


def test_the_state_of_an_update_is_not_what_customers_read(incident):
    update = CustomerUpdate(incident=incident, text="Paying fails.", status="monitoring")
    assert state_of(update) == "draft"
    assert state_of(incident) == "declared"


def test_what_a_person_can_do_depends_on_state_and_person(incident, ravi, ana, stranger):
    assert [v.name for v in verbs_for(incident, ravi)] == [
        *("acknowledge", "identify", "mitigate", "resolve", "change_severity", "advise", "correct_moments")
    ]
    assert [v.name for v in verbs_for(incident, ana)] == ["correct_moments"]
    assert verbs_for(incident, stranger) == verbs_for(incident, AnonymousUser()) == []


def test_who_may_not_is_told_so_even_where_the_state_is_wrong(resolved, stranger):
    assert_refused(NotPermitted, resolved, "acknowledge", by=stranger, version=999)


def test_who_looked_at_an_older_version_is_told_that_first(resolved, ravi):
    assert_refused(StaleVersion, resolved, "acknowledge", by=ravi, version=1)


def test_a_refusal_says_what_it_is_about(resolved, ravi, stranger):
    with pytest.raises(WrongState, match=r"INC-.* is resolved: “Acknowledge” is not possible now"):
        resolved.acknowledge(by=ravi)
    with pytest.raises(NotPermitted, match="Stranger may not close INC-"):
        resolved.close(by=stranger)


def test_somebody_who_has_left_may_do_nothing(incident, ravi):
    type(ravi).objects.filter(pk=ravi.pk).update(is_active=False)
    ravi = type(ravi).objects.get(pk=ravi.pk)
    assert_refused(NotPermitted, incident, "acknowledge", by=ravi)


def test_aftercare_itself_needs_no_permission_and_signs_as_the_task(incident):
    with acting(kind=TASK, name="import alerts"):
        incident.acknowledge(by=None)
    assert incident.history.first().history_user_name == "import alerts"
    assert incident.timeline.last().author is None


def test_a_stale_instance_is_read_anew_and_overwrites_nothing(incident, ravi):
    stale = Incident.objects.get(pk=incident.pk)
    incident.title = "Checkout fails for everybody"
    incident.save()
    stale.acknowledge(by=ravi)
    assert (stale.title, stale.status) == ("Checkout fails for everybody", "investigating")
    assert Incident.objects.get().title == "Checkout fails for everybody"


def test_edits_that_were_not_saved_do_not_slip_in_with_a_verb(incident, ravi):
    incident.title = "Never meant to be saved"
    incident.acknowledge(by=ravi)
    assert Incident.objects.get().title == "Checkout fails for one in five"


def test_what_goes_wrong_inside_leaves_everything_as_it_was(incident, ravi):
    entries = incident.timeline.count()

    def half_done():
        with transition(incident, "declared", by=ravi):
            incident.log("note", "Half done.")
            incident.title = "Half done"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_done()
    incident.refresh_from_db()
    assert (incident.timeline.count(), incident.title) == (entries, "Checkout fails for one in five")


def test_the_row_is_checked_before_it_is_saved(incident, ravi):
    with pytest.raises(ValidationError), transition(incident, "declared", by=ravi):
        incident.acknowledged_at = incident.started_at.replace(year=2000)
    assert Incident.objects.get().acknowledged_at is None


def test_a_row_that_is_gone_cannot_be_changed(incident, ravi):
    stale = Incident.objects.get()
    incident.delete()
    with pytest.raises(Incident.DoesNotExist), transaction.atomic():
        stale.acknowledge(by=ravi)


def test_several_verbs_are_done_together_or_not_at_all(incident, ravi):
    incident.resolve(by=ravi)
    with pytest.raises(WrongState), transaction.atomic():
        incident.close(by=ravi) or incident.close(by=ravi)
    incident.refresh_from_db()
    assert incident.status == "resolved"


def test_who_signs_is_forgotten_afterwards(incident, ravi):
    with signed(ravi):
        assert current().user == ravi
    incident.acknowledge(by=ravi)
    assert current() is None


@pytest.mark.skipif("sqlite" in settings.DATABASES["default"]["ENGINE"], reason="needs rows that lock")
@pytest.mark.django_db(transaction=True)
def test_of_two_who_close_at_once_one_is_refused_and_the_timeline_tells_once(resolved, ravi):
    outcomes, start = [], threading.Barrier(2)

    def close():
        try:
            row = Incident.objects.get(pk=resolved.pk)
            start.wait()
            row.close(by=ravi)
            outcomes.append("closed")
        except WrongState:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=close) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["closed", "refused"]
    assert resolved.timeline.filter(text="Closed.").count() == 1
