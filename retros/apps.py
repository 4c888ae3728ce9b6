from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RetrosConfig(AppConfig):
    name = "retros"
    verbose_name = "Retrospectives"

    def ready(self):
        from retros import sweeps  # noqa: F401  registers its sweeps
        from retros.defaults import add_template_and_factors

        post_migrate.connect(add_template_and_factors, sender=self, dispatch_uid="aftercare.template")
