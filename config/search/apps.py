from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class SearchConfig(AppConfig):
    name = "config.search"
    verbose_name = "Search"

    def ready(self):
        from config.search import sweeps  # noqa: F401  registers itself

        autodiscover_modules("searched")
