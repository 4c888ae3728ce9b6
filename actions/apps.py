from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ActionsConfig(AppConfig):
    name = "actions"
    verbose_name = "Improvement actions"

    def ready(self):
        from actions import (  # noqa: F401  register themselves
            anniversaries,
            emails,
            exchange,
            reminders,
            summaries,
            sweeps,
        )
        from actions.defaults import add_policies

        post_migrate.connect(add_policies, sender=self, dispatch_uid="aftercare.policies")
