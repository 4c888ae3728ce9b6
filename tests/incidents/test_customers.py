"""Customers: imported from CSV all or nothing, exported so that no spreadsheet runs them, affected or not and why."""

from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from config.audit.actor import acting
from incidents.customers import exporting, importing, private_names
from incidents.customers.affected import affected_by, search, verdict
from incidents.imports.shape import Refused
from incidents.models import Customer, CustomerRegion, CustomerService, Incident, Region, Service
from retros.models import Learning
from retros.redacting import suspects
from tests.faults import is_whole_or_absent, snapshot
from tests.incidents.public import told, written

pytestmark = pytest.mark.django_db
TABLES = (Customer, CustomerService, CustomerRegion)
GOOD = (
    "name,id,plan,domain,services,regions\nFabrikam,c-1,gold,fabrikam.example,checkout,eu\nContoso,c-2,,,,\n"
)


@pytest.fixture
def europe():
    return Region.objects.create(slug="eu", name="Europe")


@pytest.fixture
def places(service, europe):
    Service.objects.create(slug="mail", name="Mail, in and out")
    Region.objects.create(slug="us", name="United States")


def bring(text):
    data = text if isinstance(text, bytes) else text.encode()
    with transaction.atomic():
        return importing.store(importing.plan(data))


def refused(text):
    """Why the file is refused; nothing of it is stored."""
    before = snapshot(*TABLES)
    with pytest.raises(Refused) as error:
        bring(text)
    assert snapshot(*TABLES) == before
    assert "\n" not in str(error.value)
    return str(error.value)


def held():
    return {
        row.name: (
            row.external_id,
            row.tier,
            row.domain,
            sorted(one.slug for one in row.services.all()),
            sorted(one.slug for one in row.regions.all()),
        )
        for row in Customer.objects.all()
    }


# --- Import


def test_a_list_is_imported(places):
    assert str(bring(GOOD)) == "2 created, 0 changed, 0 unchanged"
    assert held() == {
        "Fabrikam": ("c-1", "gold", "fabrikam.example", ["checkout"], ["eu"]),
        "Contoso": ("c-2", "", "", [], []),
    }


def test_the_same_list_again_changes_nothing_and_writes_no_history(places):
    bring(GOOD)
    before = snapshot(*TABLES)
    assert str(bring(GOOD)) == "0 created, 0 changed, 2 unchanged"
    assert snapshot(*TABLES) == before


def test_what_differs_is_changed_and_who_is_not_in_it_stays(places):
    bring(GOOD)
    made = bring("id;name;services;regions\nC-1;Fabrikam Ltd;mail|checkout;us\n")
    assert str(made) == "0 created, 1 changed, 0 unchanged"
    assert held()["Fabrikam Ltd"] == ("C-1", "gold", "fabrikam.example", ["checkout", "mail"], ["us"])
    assert "Contoso" in held()


def test_columns_that_are_not_there_leave_what_is_known_and_empty_cells_take_it_away(places):
    bring(GOOD)
    bring("name,id\nFabrikam,c-1\n")
    assert held()["Fabrikam"] == ("c-1", "gold", "fabrikam.example", ["checkout"], ["eu"])
    bring("name,id,plan,services\nFabrikam,c-1,,\n")
    assert held()["Fabrikam"] == ("c-1", "", "fabrikam.example", [], ["eu"])


def test_by_name_where_there_is_no_id_and_the_id_is_learnt(places):
    bring("Company\nFabrikam\n")
    bring("Company,Customer ID\nFABRIKAM,c-1\n")
    assert held() == {"FABRIKAM": ("c-1", "", "", [], [])}
    bring("Company,Plan\nFabrikam,gold\n")
    assert held() == {"Fabrikam": ("c-1", "gold", "", [], [])}


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffname,id,services\r\nFabrikam,c-1,checkout\r\n",
        "name;id;services\nFabrikam;c-1;checkout\n",
        "name\tid\tservices\nFabrikam\tc-1\tcheckout\n",
        '"Account Name","External-ID","Products"\n"Fabrikam","c-1","Checkout"\n\n\n',
        "name,id,services,notes\nFabrikam,c-1,checkout,=1+1\n",
    ],
)
def test_what_programs_write_is_read(places, text):
    bring(text)
    assert held() == {"Fabrikam": ("c-1", "", "", ["checkout"], [])}


def test_a_name_with_a_comma_in_it_is_one_service(places):
    bring('name,services\nFabrikam,"Mail, in and out"\nContoso,"checkout, mail"\n')
    assert held()["Fabrikam"][3] == ["mail"]
    assert held()["Contoso"][3] == ["checkout", "mail"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the file is empty"),
        ("name,id\n", "no customer"),
        ("firma,id\nFabrikam,1\n", "line 1: no column is called “name”, only firma, id"),
        ("name,company\na,b\n", "line 1: two columns say the name: name, company"),
        ("name,id\nFabrikam,1\n,2\n", "line 3: no name"),
        ("name,id\nFabrikam,1\nContoso,1\n", "line 3: the id “1” is on line 2 already"),
        ("name\nFabrikam\nfabrikam\n", "line 3: the name “fabrikam” is on line 2 already"),
        ("name,services\nFabrikam,nowhere\n", "line 2: there is no service “nowhere”"),
        ("name,regions\nFabrikam,moon\n", "line 2: there is no region “moon”"),
        ("name,domain\nFabrikam,not a domain\n", "line 2: domain “not a domain”: That is no domain"),
        ("name\nFabrikam\nCon\x00toso\n", "line 3: there is a null character"),
        ("name\n\u200b\u202e\n", "line 2: name “\u200b”: Write at least one visible character"),
        ("name,id\nFabrikam,1,2,3\n", "line 2: 4 cells under 2 columns"),
        ('name,id\n"Fabrikam,1\nContoso,2\n', "line 2: a quotation mark is opened here and never closed"),
        ("name\n" + "x" * 201 + "\n", "line 2: name “xxx"),
        ("name\nFabrikam\n" + "x" * 10_000_000 + "\n", "line 3: a cell is longer than 10,000 characters"),
        ("name" + "," * 200 + "\nFabrikam\n", "line 1: more than 100 columns"),
        ("name\nFabrikam\nMüller\n".encode("latin-1"), "line 3: the file is not UTF-8 text"),
        ("name\nFabrikam\n".encode("utf-16"), "line 1: the file is not UTF-8 text"),
        (b"name\n" + b"a\n" * 11_000_000, "larger than 20 MB"),
        (b"PK\x03\x04\x00\xff\xfe", "is not UTF-8 text"),
    ],
)
def test_what_is_wrong_is_named_by_its_line_and_nothing_is_stored(places, text, why):
    assert why in refused(text)


def test_too_many_rows_are_refused(places, monkeypatch):
    monkeypatch.setattr("incidents.customers.reading.MOST_ROWS", 3)
    assert "more than 3 customers" in refused("name\na\nb\nc\nd\n")


def test_two_lines_of_one_customer_are_refused(places):
    bring("name,id\nFabrikam,c-1\n")
    assert "line 3: it is the same customer as on line 2" in refused("name,id\nFabrikam,c-1\nfabrikam,\n")


def test_an_import_is_whole_or_absent(places):
    bring(GOOD)
    text = "name,id,services,regions\nFabrikam,c-1,mail,us\nNorthwind,c-3,checkout,eu\n"
    assert is_whole_or_absent(lambda: bring(text), *TABLES)


def test_thousands_cost_as_many_statements_as_hundreds(places, django_assert_max_num_queries):
    text = "name,id,services\n" + "".join(f"Customer {n},c-{n},checkout\n" for n in range(2_000))
    with django_assert_max_num_queries(30):
        bring(text)
    assert CustomerService.objects.count() == 2_000
    assert Customer.history.count() == 2_000


def test_the_command_says_what_came_of_it(places, tmp_path):
    file, out = tmp_path / "list.csv", StringIO()
    file.write_text(GOOD)
    call_command("import_customers", str(file), "--dry-run", stdout=out)
    assert "dry run: 2 customers (2 created" in out.getvalue()
    assert not Customer.objects.exists()
    call_command("import_customers", str(file), stdout=out)
    assert Customer.history.first().history_actor_kind == "import"
    file.write_text("name,services\nNorthwind,checkout\nFabrikam,nowhere\n")
    with pytest.raises(CommandError, match="Nothing imported: line 3: there is no service “nowhere”"):
        call_command("import_customers", str(file))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_customers", str(tmp_path / "none.csv"))
    assert set(held()) == {"Fabrikam", "Contoso"}


# --- The page


PAGE = "/admin/customers/import/"


def sent(text):
    return {"file": SimpleUploadedFile("list.csv", text.encode(), "text/csv")}


def look_of(answer):
    return answer.content.decode().partition('name="look" value="')[2].partition('"')[0]


def test_a_file_is_looked_at_before_it_is_stored(client, lena, places):
    client.force_login(lena)
    answer = client.post(PAGE, sent(GOOD))
    assert "2 created, 0 changed, 0 unchanged" in answer.content.decode()
    assert not Customer.objects.exists()
    assert client.post(PAGE, {"look": look_of(answer)}).status_code == 302
    assert set(held()) == {"Fabrikam", "Contoso"}
    entry = Customer.history.first()
    assert (entry.history_user_name, entry.history_actor_kind) == ("Lena", "import")
    changed = client.post(PAGE, sent("name,id,plan,services\nFabrikam,c-1,silver,mail\n")).content.decode()
    assert "tier: gold → silver; + Mail, in and out; − Checkout" in changed


def test_a_wrong_line_is_shown_and_cannot_be_stored(client, lena, places):
    client.force_login(lena)
    answer = client.post(PAGE, sent("name,services\nFabrikam,<b>nowhere</b>\nContoso,checkout\n"))
    assert answer.status_code == 400
    assert "Line 2: there is no service “&lt;b&gt;nowhere&lt;/b&gt;”" in answer.content.decode()
    assert look_of(answer) == ""
    assert client.post(PAGE, {"look": "forged:1:2"}).status_code == 400
    assert client.post(PAGE, sent("\0")).status_code == 400
    assert client.post(PAGE, {}).status_code == 400
    assert not Customer.objects.exists()


@pytest.mark.parametrize("person", ["omar", "ravi", "aud", "ana"])
def test_the_list_is_imported_by_those_who_keep_it(client, request, person, places):
    client.force_login(request.getfixturevalue(person))
    assert client.get(PAGE).status_code == client.post(PAGE, sent(GOOD)).status_code == 403
    assert not Customer.objects.exists()


# --- Export


HOSTILE = [
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@SUM(A1)",
    "＝1",
    "'=1",
    "''@x",
    "'t Hooft",
    'Say "hi", all',
    "Ü & ß",
]


def test_no_spreadsheet_runs_what_is_exported_and_an_import_takes_it_as_it_was(places):
    for number, name in enumerate(HOSTILE):
        Customer.objects.create(name=name, external_id=f"=c{number}", tier=name)
    before = snapshot(*TABLES)
    text = "".join(exporting.lines())
    for line in text.splitlines()[1:]:
        for cell in line.split('","'):
            assert cell.strip('"')[:1] not in tuple("=+-@＝")
    assert str(bring(text)) == f"0 created, 0 changed, {len(HOSTILE)} unchanged"
    assert snapshot(*TABLES) == before


def test_the_whole_list_goes_out_and_comes_back(client, lena, places):
    bring(GOOD)
    client.force_login(lena)
    answer = client.get("/admin/customers/export/")
    text = b"".join(answer.streaming_content).decode()
    assert "attachment" in answer["Content-Disposition"]
    there = held()
    Customer.objects.all().delete()
    bring(text)
    assert held() == there
    out = StringIO()
    call_command("export_customers", stdout=out)
    assert out.getvalue() == text


# --- Affected or not


def customer(name="Fabrikam", services=(), regions=(), **fields):
    row = Customer.objects.create(name=name, **fields)
    for slug in services:
        row.service_links.create(service=Service.objects.get(slug=slug))
    for slug in regions:
        row.region_links.create(region=Region.objects.get(slug=slug))
    return row


@pytest.mark.parametrize(
    ("services", "regions", "where", "answer", "why"),
    [
        (
            ["checkout"],
            [],
            [],
            "yes",
            "Uses Checkout (slow or faulty); the incident is not limited to a region.",
        ),
        (["checkout"], ["eu"], ["eu"], "yes", "Uses Checkout (slow or faulty) in Europe."),
        (["checkout", "mail"], ["eu", "us"], ["eu"], "yes", "in Europe."),
        (["checkout"], [], ["eu"], "yes", "their regions are not listed, so they may be in Europe."),
        (["checkout"], ["us"], ["eu"], "no", "but in United States; affected is Europe."),
        (["mail"], ["eu"], ["eu"], "no", "Uses none of what is affected: Checkout (slow or faulty)."),
        ([], ["eu"], ["eu"], "unknown", "The services of this customer are not listed."),
    ],
)
def test_who_uses_it_where_it_fails_is_affected(
    places, severity, service, services, regions, where, answer, why
):
    incident = told(severity, services=[service])
    for slug in where:
        incident.region_impacts.create(region=Region.objects.get(slug=slug))
    row = customer(services=services, regions=regions)
    found = verdict(row, incident)
    assert found.answer == answer
    assert why in found.why
    assert found.since == (incident.started_at if answer == "yes" else None)
    assert affected_by(incident).filter(pk=row.pk).exists() == (answer == "yes")


def test_a_service_that_is_well_again_affects_nobody(places, severity, service):
    incident = told(severity, services=[(service, "operational")])
    row = customer(services=["checkout"])
    assert verdict(row, incident).answer == "unknown"
    assert not affected_by(incident).exists()


def test_the_database_and_the_rule_agree(places, severity, service):
    incident = told(severity, services=[service])
    incident.region_impacts.create(region=Region.objects.get(slug="eu"))
    for services in ([], ["checkout"], ["mail"], ["checkout", "mail"]):
        for regions in ([], ["eu"], ["us"], ["eu", "us"]):
            customer(f"{services} {regions}", services, regions)
    by_rule = {row for row in Customer.objects.all() if verdict(row, incident).answer == "yes"}
    assert set(affected_by(incident)) == by_rule
    assert len(by_rule) == 6


def test_a_customer_is_found_by_name_id_or_domain(places):
    row = customer("Fabrikam Trading", external_id="C-77", domain="fabrikam.example")
    customer("Contoso", external_id="c-770")
    for term in ("fabrik", "c-77", "fabrikam.example", "ana@Fabrikam.example", " TRADING "):
        assert search(term)[0] == row, term
    assert search("nobody") == search("") == search("%") == search("_") == []


def test_one_id_is_one_customer(places):
    customer(external_id="c-1")
    with pytest.raises(IntegrityError), transaction.atomic():
        customer("Another", external_id="c-1")
    with pytest.raises(ValidationError, match="with this id already"):
        Customer(name="Another", external_id="C-1").full_clean()


# --- Never public


def test_their_names_are_known_to_the_check_of_what_is_published(places, retro):
    customer("Fabrikam Trading Ltd")
    assert private_names() == ["Fabrikam Trading Ltd"]
    learning = Learning.objects.create(
        retro=retro, title="Paying failed", slug="paying", what_happened="Fabrikam Trading could not pay."
    )
    assert [one.text for one in suspects(learning)] == ["Fabrikam Trading"]


def test_their_names_are_in_no_public_file(places, severity, service):
    customer("Canary Customer 7f3a", ["checkout"], domain="canary-7f3a.example")
    told(severity, services=[service])
    assert not [name for name, text in written().items() if "7f3a" in text]


def test_the_page_of_a_customer_says_whether_it_is_affected(client, ana, places, severity, service):
    row = customer(services=["checkout"])
    told(severity, "Checkout is down", services=[service])
    told(severity, "Nobody may know", services=[service], visibility="restricted")
    client.force_login(ana)
    shown = client.get(f"/admin/incidents/customer/{row.pk}/change/").content.decode()
    assert "Checkout is down" in shown
    assert "the incident is not limited to a region" in shown
    assert "Nobody may know" not in shown
    with acting(kind="command", name="test"):
        assert Incident.objects.count() == 2
