"""An empty database and one that grew with us are the same, though migrations create the one in a few steps."""

from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader


def test_the_short_way_and_the_long_way_lead_to_the_same_models():
    short, long = MigrationLoader(None), MigrationLoader(None, replace_migrations=False)
    assert len(short.graph.nodes) < len(long.graph.nodes)
    for one, other in ((short, long), (long, short)):
        changes = MigrationAutodetector(one.project_state(), other.project_state()).changes(graph=other.graph)
        assert changes == {}
