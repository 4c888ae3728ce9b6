from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class PeopleConfig(AppConfig):
    name = "config.people"
    verbose_name = "People"

    def ready(self):
        # This app is listed last, so its post_migrate comes once, when every app's permissions exist.
        pre_migrate.connect(before_migrating, sender=self, dispatch_uid="aftercare.before")
        post_migrate.connect(after_migrating, sender=self, dispatch_uid="aftercare.after")


def before_migrating(using, plan=(), **_):
    """Take the triggers off: they name columns that a migration may be about to change."""
    from config.audit import triggers

    if plan:
        triggers.drop(using)


def after_migrating(using, plan=(), **_):
    """Write what the migrations changed, put the triggers back, make the roles what the code says."""
    from config.audit import triggers
    from config.audit.actor import MIGRATION, acting
    from config.people.roles import apply_roles

    names = ", ".join(f"{m.app_label}.{m.name}" for m, _ in plan)
    with acting(kind=MIGRATION, name="migrate", reason=names):
        triggers.install(using)
        apply_roles()
