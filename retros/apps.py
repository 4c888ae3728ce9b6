from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RetrosConfig(AppConfig):
    name = "retros"
    verbose_name = "Retrospectives"

    def ready(self):
        from retros import emails, on_status_page, reminders, sweeps  # noqa: F401  register themselves
        from retros.defaults import add_template_and_factors
        from retros.exchange import (  # noqa: F401
            comments,
            learnings,
            meetings,
            perspectives,
            reviews,
            steps,
        )

        post_migrate.connect(add_template_and_factors, sender=self, dispatch_uid="aftercare.template")
