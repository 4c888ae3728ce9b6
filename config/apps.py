from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class HouseConfig(AppConfig):
    """What belongs to no one app: the commands that start everything, the dashboard they all are on."""

    name = "config"
    verbose_name = "Aftercare"

    def ready(self):
        autodiscover_modules("dashboard")
        _search_anew()


def _search_anew():
    """The theme keeps what a search found for five minutes; an incident restricted meanwhile must not be found."""
    import unfold.sites
    from django.core.cache.backends.dummy import DummyCache

    unfold.sites.cache = DummyCache("search", {})
