"""What customers may not know is in no public byte, signed in or not."""

import pytest

from incidents.models import Customer, Feedback, Incident
from incidents.status import publishing
from tests.incidents.public import say, told, window, written

pytestmark = pytest.mark.django_db
CANARY = "canary-7f3a"


@pytest.fixture
def canaries(severity, service, ravi):
    """Everything that must not be told, beside one thing that may."""
    for name in ("restricted", "internal"):
        incident = told(severity, f"{CANARY} {name}", services=[service], visibility=name, summary=CANARY)
        say(incident, f"{CANARY} told inside")
        incident.milestones.create(title=f"{CANARY} step", is_public=True)
    drill = told(severity, f"{CANARY} drill", is_drill=True)
    say(drill, f"{CANARY} drill")
    public = told(severity, "Checkout fails", summary=f"{CANARY} summary", data_safety=f"{CANARY} safety")
    say(public, "We are looking into it.")
    public.updates.create(text=f"{CANARY} draft")
    public.milestones.create(title=f"{CANARY} ours", owner=ravi)
    public.log("note", f"{CANARY} note", by=ravi)
    public.identify(by=ravi, note=f"{CANARY} note of a verb")
    public.advise(by=ravi, workaround=f"{CANARY} for us alone")
    customer = Customer.objects.create(name=f"{CANARY} Ltd", domain=f"{CANARY}.example")
    customer.service_links.create(service=service)
    public.support_tickets.create(reference=f"{CANARY} ticket")
    said = {"sentiment": 1, "transparency": 1, "words": f"{CANARY} words"}
    Feedback.objects.give(public, "after", "one", source="page", **said)
    window(f"{CANARY} window", announced=False)
    return public


def bytes_of(client):
    paths = ["/", "/history/", "/history.atom", "/history.rss"]
    paths += [f"/api/v2/{name}.json" for name in publishing.pages.shape.NAMES]
    paths += [f"/incidents/{row.public_id}/" for row in Incident.objects.all()]
    return {path: client.get(path) for path in paths}


def test_no_file_holds_what_is_not_public(canaries):
    files = written()
    assert f"incidents/{canaries.public_id}/index.html" in files
    assert [name for name, text in files.items() if CANARY in text] == []


def test_no_answer_holds_it_and_what_is_hidden_looks_as_if_it_were_not_there(client, canaries):
    answers = bytes_of(client)
    for path, answer in answers.items():
        assert CANARY.encode() not in answer.content, path
    hidden = Incident.objects.exclude(pk=canaries.pk).values_list("public_id", flat=True)
    nowhere = client.get("/incidents/aaaaaaaaaaaa/")
    for public_id in hidden:
        answer = answers[f"/incidents/{public_id}/"]
        assert (answer.status_code, answer.content) == (404, nowhere.content)


def test_the_question_to_customers_holds_nothing_of_it_either(client, canaries):
    for row in Incident.objects.all():
        answer = client.get(f"/feedback/{row.public_id}/")
        assert CANARY.encode() not in answer.content
        assert (answer.status_code == 200) == (row == canaries)


def test_who_is_signed_in_gets_the_same_bytes(client, canaries, admin_user):
    before = {path: (a.status_code, a.content, dict(a.headers)) for path, a in bytes_of(client).items()}
    client.force_login(admin_user)
    after = {path: (a.status_code, a.content, dict(a.headers)) for path, a in bytes_of(client).items()}
    assert after == before
    for _, _, headers in after.values():
        assert "Set-Cookie" not in headers
        assert "Cookie" not in headers.get("Vary", "")


def test_an_export_holds_nothing_of_it_and_loses_what_was_restricted_since(canaries, tmp_path):
    folder = tmp_path / "export"

    def exported():
        publishing.export(folder)
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert not [path for path, content in exported().items() if CANARY.encode() in content]
    canaries.visibility = Incident.Visibility.RESTRICTED
    canaries.save()
    files = exported()
    assert not [path for path, content in files.items() if b"Checkout fails" in content]
    assert not [path for path in files if canaries.public_id in str(path)]
