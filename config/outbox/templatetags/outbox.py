"""What pages say about messages."""

from django import template

from config.outbox import troubles

register = template.Library()


@register.simple_tag(takes_context=True)
def delivery_troubles(context):
    """What keeps messages from going out, for whoever is signed in."""
    user = getattr(context.get("request"), "user", None)
    return troubles.now() if getattr(user, "is_authenticated", False) else []
