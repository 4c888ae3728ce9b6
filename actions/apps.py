from django.apps import AppConfig


class ActionsConfig(AppConfig):
    name = "actions"
    verbose_name = "Improvement actions"

    def ready(self):
        from actions import emails, sweeps  # noqa: F401  register their messages and sweeps
