from django.apps import AppConfig


class RemindingConfig(AppConfig):
    name = "config.reminding"
    verbose_name = "Reminders"

    def ready(self):
        from config.reminding import digests, sweeps  # noqa: F401  register their messages and sweeps
