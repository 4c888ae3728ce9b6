"""Where the demo may run: its passwords are public, so nobody but this machine may reach it."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import CommandError
from django.db import connection

from actions.models import ActionItem
from config.people.models import User
from incidents.models import Incident
from retros.models import Retrospective

MARK = "demo:"  # begins the external id of the story's incidents


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this machine."""
    host = host.strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_told() -> bool:
    """Whether this database has heard the story. Asked of the history: rows can be deleted, history cannot."""
    return Incident.history.filter(external_id__startswith=MARK).exists()


def check_machine() -> None:
    """Refuse debug pages and every address that others could reach."""
    if settings.DEBUG:
        raise CommandError("The demo does not run with DEBUG on: unset DEBUG and start it again.")
    hosts = [urlsplit(settings.SITE_URL).hostname or "", *settings.ALLOWED_HOSTS]
    if strangers := [host for host in hosts if not is_loopback(host)]:
        raise CommandError(
            f"The demo has passwords that everybody knows, so it runs on this machine only, not as {strangers[0]}: "
            "unset SITE_URL and ALLOWED_HOSTS, or set up a real installation with `manage.py up`."
        )


def check_database() -> None:
    """Refuse a database in which somebody has begun to work; it may not have been migrated yet."""
    if Incident.history.model._meta.db_table in connection.introspection.table_names() and is_told():
        return
    for model in (Incident, Retrospective, ActionItem, User):
        if model._meta.db_table in connection.introspection.table_names() and model.objects.exists():
            raise CommandError(
                f"This database holds {model._meta.verbose_name_plural} that are not the demo’s, and the demo would "
                "let anybody in: name another one, for example with VAR_DIR=var-demo or DATABASE_URL."
            )
