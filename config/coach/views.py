"""What a page of the workspace asks while somebody writes. Nothing of it is kept."""

import json

from django.contrib.auth import get_user_model
from django.http import JsonResponse
from django.views.decorators.http import require_POST

from config.coach.looking import AUDIENCES, TEAM, look
from config.coach.showing import as_json

LIMIT = 100_000  # bytes of a request
MOST_NAMES = 2_000


@require_POST
def marks(request):
    """`{"text": …, "audience": "team" or "customers"}` → `{"marks": […]}`."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > LIMIT or len(request.body) > LIMIT:
        return _refused(f"The text is longer than {LIMIT:,} bytes.", status=413)
    try:
        asked = json.loads(request.body)
    except (ValueError, RecursionError):
        return _refused("This is not JSON.")
    text, audience = _asked(asked)
    if text is None:
        return _refused("Ask with a text, and nothing else but its audience: team or customers.")
    return JsonResponse({"marks": as_json(look(text, audience=audience, people=_names()))})


def _asked(asked):
    """The text and its audience; no text if the question is none."""
    if not isinstance(asked, dict) or asked.keys() - {"text", "audience"}:
        return None, None
    text, audience = asked.get("text"), asked.get("audience", TEAM)
    if not isinstance(text, str) or audience not in AUDIENCES:
        return None, None
    return text, audience


def _names():
    people = get_user_model()._default_manager.filter(is_active=True)
    return people.values_list("name", flat=True).order_by("pk")[:MOST_NAMES]


def _refused(why, status=400):
    return JsonResponse({"error": why}, status=status)
