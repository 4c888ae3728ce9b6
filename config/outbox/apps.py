from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "config.outbox"
    verbose_name = "Messages"

    def ready(self):
        from config.outbox import checks, emails  # noqa: F401  register themselves
