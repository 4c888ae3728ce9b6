"""The labelled set of incidents that happened again: read, told to a database, and how well they find each other."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from config.search import following
from config.search.similarity import similar, traits_of
from config.search.words import words
from incidents.models import Incident, Region, Service, Severity
from retros.models import Factor, Retrospective

FILE = Path(__file__).with_name("recurring.toml")
AT = 5


@dataclass(frozen=True)
class Told:
    """One incident of the set, as it is in the database."""

    incident: Incident
    family: str
    split: str


def families() -> list[dict]:
    return tomllib.loads(FILE.read_text())["family"]


def tell() -> list[Told]:
    """Put all of them into the database and the index."""
    severity, told = Severity.objects.first(), []
    for family in families():
        for one in family["incident"]:
            incident = Incident.objects.create(title=one["title"], summary=one["summary"], severity=severity)
            for name in one["services"]:
                incident.service_impacts.create(service=_named(Service, name))
            for name in one.get("regions", ()):
                incident.region_impacts.create(region=_named(Region, name))
            retro = Retrospective.objects.open_for(incident)
            for name in one["factors"]:
                retro.retro_factors.create(factor=_named(Factor, name))
            told.append(Told(incident, family["name"], family["split"]))
    following.follow()
    return told


def _named(model, name):
    return model.objects.get_or_create(slug=name.lower().replace(" ", "-"), defaults={"name": name})[0]


def recall(told, ask) -> dict[str, float]:
    """The share of the others of its family that each incident brings up among the first five, by split."""
    shares = {"tuning": [], "held-out": []}
    for one in told:
        family = {other.incident.pk for other in told if other.family == one.family} - {one.incident.pk}
        found = set(ask(one.incident)[:AT])
        shares[one.split].append(len(found & family) / min(AT, len(family)))
    return {split: sum(of) / len(of) for split, of in shares.items()}


def ours(user, traits=("service", "region")):
    """As it is asked when an incident is declared: title, summary, services; later also the factors."""

    def ask(incident):
        has = traits_of("incident", [incident.pk], user)[incident.pk]
        has = {trait for trait in has if trait.what in traits}
        found = similar("incident", incident.title, incident.summary, has, user, exclude=[incident.pk])
        return [one.pk for one in found]

    return ask


def plain(incident) -> list[int]:
    """What full-text ranking alone brings up: the database's own words and rank, any word of the same text."""
    asked = list(dict.fromkeys(words(f"{incident.title} {incident.summary}")))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT id FROM incidents_incident, to_tsquery('english', %s) q"
                " WHERE to_tsvector('english', title || ' ' || summary) @@ q AND id <> %s"
                " ORDER BY ts_rank(to_tsvector('english', title || ' ' || summary), q) DESC, id LIMIT 5",
                [" | ".join(asked), incident.pk],
            )
        else:
            cursor.execute(
                "SELECT rowid FROM plain WHERE plain MATCH %s AND rowid <> %s ORDER BY rank LIMIT 5",
                [" OR ".join(f'"{word}"' for word in asked), incident.pk],
            )
        return [pk for (pk,) in cursor.fetchall()]


def prepare_plain() -> None:
    """On SQLite full-text search is a table of its own."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("CREATE VIRTUAL TABLE temp.plain USING fts5(title, summary, tokenize = 'porter')")
            cursor.execute(
                "INSERT INTO plain (rowid, title, summary) SELECT id, title, summary FROM incidents_incident"
            )
