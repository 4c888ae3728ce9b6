from django.conf import settings
from django.core.checks import Error, register


@register()
def lease_outlives_a_slow_mail_server(app_configs, **_):
    """A lease shorter than a slow send hands the same message to a second worker: a duplicate."""
    if settings.DELIVERY_LEASE >= 3 * settings.EMAIL_TIMEOUT:
        return []
    return [
        Error(
            f"DELIVERY_LEASE={settings.DELIVERY_LEASE} is shorter than 3 × EMAIL_TIMEOUT={settings.EMAIL_TIMEOUT}.",
            hint="Raise DELIVERY_LEASE, or messages are sent twice when the mail server is slow.",
            id="outbox.E001",
        )
    ]
