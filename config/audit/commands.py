from django.core.management import BaseCommand

from config.audit.actor import COMMAND, acting, current


class AuditedCommand(BaseCommand):
    """A command that signs what it writes, also when it is called from code."""

    def execute(self, *args, **options):
        if current() is not None:
            return super().execute(*args, **options)
        with acting(kind=COMMAND, name=type(self).__module__.rpartition(".")[2]):
            return super().execute(*args, **options)
