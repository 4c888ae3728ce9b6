"""Writing a learning in the workspace: drafted on the page of its retro, checked while one writes, previewed."""

import pytest

from config.people.models import PrivateName
from incidents.models import Incident
from retros.models import Learning, Retrospective
from tests.conftest import make_person
from tests.pages import assert_cheap, list_of, page, sent_back, stored, verb_page
from tests.retros.learnings import TEXTS, draft, make_public, published

pytestmark = pytest.mark.django_db


@pytest.fixture
def learning(retro, ana):
    return draft(retro, by=ana)


@pytest.fixture
def as_ana(client, ana):
    client.force_login(ana)
    return client


def draft_page(retro):
    return f"/admin/retros/retrospective/{retro.pk}/learning/"


def preview_page(learning):
    return f"/admin/retros/learning/{learning.pk}/preview/"


def check_page(learning):
    return f"/admin/retros/learning/{learning.pk}/check/"


# --- Drafting


def test_the_page_of_a_retro_leads_to_its_draft_and_then_to_its_learning(as_ana, retro):
    make_public(retro)
    assert draft_page(retro) in as_ana.get(page(retro)).content.decode()
    shown = as_ana.get(draft_page(retro))
    assert shown.status_code == 200
    assert not Learning.objects.exists()
    answer = as_ana.post(draft_page(retro))
    learning = Learning.objects.get(retro=retro)
    assert answer["Location"] == page(learning)
    assert page(learning) in as_ana.get(page(retro)).content.decode()
    assert as_ana.get(draft_page(retro))["Location"] == page(learning)
    assert learning.history.first().history_user_name == "Ana"


@pytest.mark.parametrize(
    ("change", "words"), [({"visibility": "internal"}, "is internal"), ({"is_drill": True}, "is a drill")]
)
def test_a_draft_that_may_not_be_is_refused_with_words(as_ana, retro, change, words):
    make_public(retro)
    Incident.objects.update(**change)
    assert words in as_ana.get(draft_page(retro)).content.decode()
    answer = as_ana.post(draft_page(retro))
    assert answer.status_code == 409
    assert words in answer.content.decode()
    assert not Learning.objects.exists()


def test_only_those_who_write_to_customers_draft(client, retro, ravi, aud, omar, lena):
    make_public(retro)
    for person in (ravi, aud, omar):
        client.force_login(person)
        assert draft_page(retro) not in client.get(page(retro)).content.decode()
        assert client.get(draft_page(retro)).status_code == 403
        assert client.post(draft_page(retro)).status_code == 403
    client.force_login(lena)
    assert client.post(draft_page(retro)).status_code == 302


def test_pages_of_a_learning_are_for_those_who_see_its_retro(client, learning, ravi, stranger, lena):
    Incident.objects.update(visibility="restricted", declared_by=None)
    Retrospective.objects.update(facilitator=None)
    for person, url in [(p, u) for p in (lena, ravi) for u in (page(learning), preview_page(learning))]:
        client.force_login(person)
        answer = client.get(url)
        assert answer.status_code == 302
        assert TEXTS["title"] not in str(answer.headers)
    client.force_login(lena)
    assert client.post(check_page(learning), {"title": "x"}).status_code == 302
    assert client.get(draft_page(learning.retro)).status_code == 302
    assert TEXTS["title"] not in client.get(list_of(Learning)).content.decode()
    client.force_login(stranger)
    assert client.get(preview_page(learning)).status_code in (302, 403)
    client.logout()
    for url in (preview_page(learning), check_page(learning), draft_page(learning.retro)):
        assert client.get(url).status_code in (302, 405)


# --- Writing


def test_the_texts_stand_beside_what_the_retro_knows(as_ana, learning):
    learning.retro.findings.create(kind="luck", text="It was a Sunday.")
    html = as_ana.get(page(learning)).content.decode()
    assert html.count('data-coach="customers"') == 3
    assert "It was a Sunday." in html
    assert "The check finds nothing that must not be public." in html


def test_what_is_saved_is_checked_and_told(as_ana, learning):
    PrivateName.objects.create(name="Fabrikam")
    sent = sent_back(as_ana.get(page(learning)), what_we_do="Fabrikam and ops@example.com told us.")
    assert as_ana.post(page(learning), sent).status_code == 302
    html = as_ana.get(page(learning)).content.decode()
    assert "<mark>Fabrikam</mark>" in html
    assert "<mark>ops@example.com</mark>" in html
    assert "this is never harmless" in html
    assert verb_page(learning, "confirm") in html


def test_what_is_being_written_is_checked_without_being_saved(as_ana, learning):
    before = stored(learning)
    answer = as_ana.post(check_page(learning), {"what_happened": "Then <b>db-7.eu.internal</b> failed."})
    assert answer.status_code == 200
    assert "<mark>db-7.eu.internal</mark>" in answer.content.decode()
    assert stored(learning) == before
    assert as_ana.get(check_page(learning)).status_code == 405


def test_two_who_write_lose_nothing(as_ana, learning):
    sent = sent_back(as_ana.get(page(learning)), what_we_do="Mine.")
    learning.what_we_do = "Theirs."
    learning.save()
    answer = as_ana.post(page(learning), sent)
    assert answer.status_code == 409
    assert "Mine." in answer.content.decode()
    assert "Theirs." in answer.content.decode()


def test_what_is_in_review_is_read_and_not_edited(as_ana, learning, ana):
    sent = sent_back(as_ana.get(page(learning)), what_we_do="Late.")
    learning.send_for_review(by=ana)
    answer = as_ana.post(page(learning), sent)
    assert answer.status_code in (403, 409)
    learning.refresh_from_db()
    assert learning.what_we_do == TEXTS["what_we_do"]


def test_a_reviewer_sees_what_changed_since_the_draft_and_since_readers_saw_it(client, retro, ana, lena):
    row = published(retro, writer=ana, reviewer=lena)
    row.correct(by=ana, note="One in four.")
    row.what_happened = "For 95 minutes one payment in four failed. Nothing was charged twice."
    row.save()
    row.send_for_review(by=ana)
    client.force_login(lena)
    html = client.get(page(row)).content.decode()
    assert "Changed since it was published" in html
    assert "Changed since it was drafted from the retro" in html
    assert "<del>five</del><ins>four</ins>" in html


def test_publishing_with_something_found_is_refused_and_says_what(client, retro, ana, lena):
    row = draft(retro, by=ana, what_we_do="Ravi Kumar mends it.")
    make_person("ravi.kumar@example.com", name="Ravi Kumar")
    row.send_for_review(by=ana)
    client.force_login(lena)
    answer = client.post(verb_page(row, "publish"), {"version": row.version})
    assert answer.status_code == 400
    assert "“Ravi Kumar”" in answer.content.decode()
    answer = client.post(verb_page(row, "confirm"), {"found": "x", "reason": "y", "version": row.version})
    assert answer.status_code == 400
    assert "<option" in client.get(verb_page(row, "confirm")).content.decode()


def test_the_preview_is_the_page_as_readers_will_see_it(client, retro, ana, lena):
    row = draft(retro, by=ana)
    client.force_login(lena)
    row.send_for_review(by=ana)
    preview = client.get(preview_page(row))
    assert "script" not in preview["Content-Security-Policy"].replace("script-src 'unsafe-eval'", "")
    row.publish(by=lena)
    public = client.get(f"/learnings/{row.slug}/")
    without_robots = preview.content.decode().replace('<meta name="robots" content="noindex, nofollow">', "")
    assert without_robots == public.content.decode()


def test_the_list_of_learnings_is_cheap(as_ana, learning):
    assert_cheap(as_ana, list_of(Learning))


def test_names_kept_private_are_edited_by_those_who_write_to_customers(client, lena, omar):
    client.force_login(lena)
    assert client.post("/admin/people/privatename/add/", {"name": "Fabrikam"}).status_code == 302
    assert PrivateName.objects.get().history.first().history_user_name == "Lena"
    client.force_login(omar)
    assert client.get("/admin/people/privatename/").status_code == 403
