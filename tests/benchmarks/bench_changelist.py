"""The list of incidents against a stock one, with a million rows, in one run.

    python -m tests.benchmarks.bench_changelist             SQLite, in a scratch file
    DATABASE_URL=postgres://… python -m …                   PostgreSQL, in a scratch database made and dropped

The lists show the same columns of the same table to the same signed-in person. The stock one has Django's own
options and Django's own templates; to tell the theme from the list, it is measured in our theme as well.
Exits 1 if ours takes more than GOAL of the time of the plain one.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

GOAL = 0.40
ROUNDS = 15
SCRATCH = "aftercare_bench_changelist"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", type=int, default=1_000_000)
    rows = options.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="aftercare-bench-") as folder:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings", "SITE_URL": ""}
        import django

        _prepare_settings()
        django.setup()
        if os.environ.get("DATABASE_URL", "").startswith("postgres"):
            with _scratch_database():
                return _measure(rows)
        return _measure(rows)


class _scratch_database:
    """A database of our own on the same server, gone afterwards."""

    def __enter__(self):
        from django.db import connection

        self._alone(f'DROP DATABASE IF EXISTS "{SCRATCH}"', f'CREATE DATABASE "{SCRATCH}"')
        self.name, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], SCRATCH

    def __exit__(self, *_):
        from django.db import connection

        connection.close()
        connection.settings_dict["NAME"] = self.name
        self._alone(f'DROP DATABASE "{SCRATCH}"')

    def _alone(self, *statements):
        from django.db import connection

        connection.ensure_connection()
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.close()


def _measure(rows) -> int:
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    pages = _pages(_fill(rows))
    times = {name: [] for name in pages}
    for page in pages.values():
        page()
        page()
    for _ in range(ROUNDS):
        for name, page in pages.items():
            before = time.perf_counter()
            page()
            times[name].append(time.perf_counter() - before)
    stock, themed, ours = (statistics.median(times[name]) * 1000 for name in ("stock", "themed", "ours"))
    sys.stdout.write(
        f"{connection.vendor}, {rows:,} incidents, medians of {ROUNDS} interleaved rounds:\n"
        f"stock {stock:.1f} ms, stock in our theme {themed:.1f} ms, ours {ours:.1f} ms;"
        f" ratio {ours / stock:.2f} (goal {GOAL:.2f}), to the themed one {ours / themed:.2f}\n"
    )
    return int(ours > GOAL * stock)


# --- A million incidents -----------------------------------------------------------------------------------


def _fill(rows):
    from django.db import connection

    from config.audit import triggers
    from config.people.models import User
    from incidents.models import Service

    person = User.objects.create_superuser("bench@example.com", "not-used-here", name="Bench")
    service = Service.objects.create(slug="checkout", name="Checkout")
    triggers.drop()  # the history of made-up rows is not what is measured
    with connection.cursor() as cursor:
        for statement in _statements(connection.vendor, rows, service.pk):
            cursor.execute(statement)
    return person


def _statements(vendor, rows, service):
    if vendor == "sqlite":
        numbers = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows})"
        source, moment = (
            "s",
            "strftime('%%Y-%%m-%%d %%H:%%M:%%f', '2020-01-01', '+' || (n * 3) || ' minutes')",
        )
        moment = moment.replace("%%", "%")
        ends = ["ANALYZE"]
    else:
        numbers, source = "", f"generate_series(1, {rows}) AS s(n)"
        moment = "TIMESTAMPTZ '2020-01-01' + n * INTERVAL '3 minutes'"
        ends = ["VACUUM ANALYZE incidents_incident", "VACUUM ANALYZE incidents_incidentservice"]
    yes = "1" if vendor == "sqlite" else "false"
    columns = {
        "version": "1",
        "title": "'Customers cannot pay, number ' || n",
        "summary": "'Some customers saw an error at the last step.'",
        "severity_id": "(SELECT min(id) FROM incidents_severity) + n %% 4".replace("%%", "%"),
        "status": "CASE n % 3 WHEN 0 THEN 'declared' ELSE 'investigating' END",
        "visibility": "CASE n % 50 WHEN 0 THEN 'restricted' ELSE 'public' END",
        "is_drill": yes.replace("1", "0"),
        "customers_affected_note": "''",
        "data_safety": "''",
        "detection": "'alert'",
        "declared_at": moment,
        "started_at": moment,
        "source": "''",
        "external_id": "''",
        "source_url": "''",
    }
    names, values = ", ".join(columns), ", ".join(columns.values())
    yield f"{numbers} INSERT INTO incidents_incident ({names}) SELECT {values} FROM {source}"
    yield (
        "INSERT INTO incidents_incidentservice (incident_id, service_id, impact)"
        f" SELECT id, {service}, 'partial_outage' FROM incidents_incident"
    )
    yield from ends


# --- The two pages -----------------------------------------------------------------------------------------


def _pages(person):
    """Both lists as a signed-in person gets them, through every middleware."""
    from django.contrib.admin import AdminSite
    from django.test import Client
    from django.urls import path
    from unfold.sites import UnfoldAdminSite

    from config import urls
    from incidents.models import Incident

    stock, themed = AdminSite(name="stock"), UnfoldAdminSite(name="themed")
    stock.register(Incident, _stock_admin(using="stock"))
    themed.register(Incident, _stock_admin(using="ours"))
    sites = {"stock": stock, "themed": themed}
    routes = type(sys)("routes")
    routes.urlpatterns = [*urls.urlpatterns, *(path(f"{root}/", site.urls) for root, site in sites.items())]
    _set(ROOT_URLCONF=routes)
    client = Client()
    client.force_login(person)
    return {
        name: partial(_checked, client, f"/{root}/incidents/incident/")
        for name, root in (("stock", "stock"), ("themed", "themed"), ("ours", "admin"))
    }


def _stock_admin(using):
    from django.contrib.admin import ModelAdmin

    class Stock(ModelAdmin):
        list_display = ("__str__", "title", "severity", "status", "visibility", "declared_at", "started_at")

        def changelist_view(self, request, extra_context=None):
            response = super().changelist_view(request, extra_context)
            response.using = using  # the theme's templates have the same names as Django's
            return response

    return Stock


def _set(**values):
    from django.conf import settings

    for name, value in values.items():
        setattr(settings, name, value)


def _prepare_settings():
    """Before anything is read: a host for the test client, and Django's own templates beside the theme's."""
    import django.contrib.admin
    from django.conf import settings

    folder = Path(django.contrib.admin.__file__).parent / "templates"
    plain = settings.TEMPLATES[0] | {"NAME": "stock", "DIRS": [folder], "APP_DIRS": False}
    _set(ALLOWED_HOSTS=["testserver"], TEMPLATES=[settings.TEMPLATES[0] | {"NAME": "ours"}, plain])


def _checked(client, address):
    response = client.get(address)
    if response.status_code != 200 or b"Customers cannot pay, number" not in response.content:
        raise SystemExit(f"{address} is not the list: status {response.status_code}")


if __name__ == "__main__":
    sys.exit(main())
