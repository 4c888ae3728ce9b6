import os

from django.core.checks import Tags, Warning, register


@register(Tags.security, deploy=True)
def key_is_shared(app_configs, **_):
    """A key that each machine made for itself signs what the others cannot check."""
    if os.environ.get("AUDIT_KEYS"):
        return []
    return [
        Warning(
            "AUDIT_KEYS is not set: the ledger is signed with a key kept beside the data.",
            hint="Set AUDIT_KEYS=name:secret, the same on every machine, and keep it apart from the database.",
            id="audit.W001",
        )
    ]
