"""Why a link does not answer any more, and what to do instead: never a title to whoever may not know it."""

from django.utils import timezone

from actions import answers
from actions.models import ActionItem, EffectivenessCheck
from config.people.models import User

OPEN_AGAIN = "Open the mail again and tap the link there, or sign in to answer."
SIGN_IN = "Sign in to see it, or to answer it there."


class Refused(Exception):
    """A link that does nothing (any more): what happened, what to do now, and the HTTP status that says so."""

    def __init__(self, status, heading, text=SIGN_IN, more=None):
        super().__init__(heading)
        self.status, self.heading, self.text, self.more = status, heading, text, more


def link_of(token) -> answers.Link:
    """The link that a token is; refuses what is not one of ours."""
    try:
        return answers.read(token)
    except answers.Unreadable:
        heading = "This link is not complete"
        raise Refused(404, heading, f"Mail programs sometimes cut a link. {OPEN_AGAIN}") from None


def person_of(link) -> User:
    """Whose link it is; refuses those of people who have left, and links that are too old."""
    person = User.objects.filter(pk=link.person, is_active=True).select_related("manager").first()
    if person is None:
        raise Refused(403, "This link does not work any more", "Whom it was for does not work here any more.")
    if link.is_expired:
        if link.answered:
            raise Refused(
                410, "It is too late to undo this here", "For half an hour it was possible. " + SIGN_IN
            )
        text = f"Links in mails are good for {answers.GOOD_FOR.days} days. Use a newer mail, or sign in."
        raise Refused(410, "This link is too old", text)
    return person


def item_of(link, *, locked=False) -> ActionItem:
    """The item, or the item of the check, as it is now."""
    rows = ActionItem.objects.select_related(
        "owner__manager", "offered_to", "offered_by", "retro__facilitator"
    )
    if locked:
        rows = rows.select_for_update(of=("self",))
    pk = link.pk if link.kind == "item" else _check(link, locked=locked).item_id
    item = rows.filter(pk=pk).first()
    if item is None:
        raise Refused(404, "This action is not there any more")
    return item


def check_of(link) -> EffectivenessCheck:
    """The check that is asked about."""
    return _check(link, locked=False)


def _check(link, *, locked):
    rows = EffectivenessCheck.objects.select_related("item", "asked_of")
    if locked:
        rows = rows.select_for_update(of=("self",))
    if (check := rows.filter(pk=link.pk).first()) is None:
        raise Refused(404, "This question is not there any more")
    return check


def refuse_unless_open(link, person, item) -> None:
    """Refuse what was answered, is somebody else's by now, or can no longer be answered."""
    is_used = link.is_used
    if link.kind == "check":
        return _refuse_check(link, person, check_of(link), is_used)
    if is_used:
        is_theirs = bool(answers.answers_of(item, person))
        more = link.anew() if is_theirs else None
        raise Refused(410, "You have answered this already", f"{in_words(item, person)} {SIGN_IN}", more)
    if not item.is_open:
        raise Refused(
            409, f"{item.reference} needs no answer any more", f"{in_words(item, person)} {SIGN_IN}"
        )
    if link.purpose in answers.OF_ASKED and item.offered_to_id != person.pk:
        raise Refused(403, "You are not asked any more", in_words(item, person))
    if link.purpose not in answers.OF_ASKED and not _is_theirs(link, item, person):
        raise Refused(403, f"{item.reference} is not yours any more", in_words(item, person))
    if link.purpose in answers.OF_OWNER and not item.can_be_edited_by(person):
        text = (
            "Your role does not let you answer for action items. Ask an administrator, or who led the retro."
        )
        raise Refused(403, "You may not answer this", text)


def _is_theirs(link, item, person) -> bool:
    return item.owner_id == person.pk or (link.purpose == answers.MORE and item.offered_to_id == person.pk)


def _refuse_check(link, person, check, is_used):
    if is_used or not check.is_open:
        heading = "You have answered this already" if is_used else "This needs no answer any more"
        raise Refused(410 if is_used else 409, heading, f"{_state(check)} {SIGN_IN}")
    if check.asked_of_id != person.pk:
        raise Refused(403, "You are not asked any more", "Somebody else is asked now, or nobody. " + SIGN_IN)
    if check.item.owner_id == person.pk:
        text = "Whoever owns an action cannot say whether it worked: somebody else is to be asked. "
        raise Refused(403, "It is yours by now", text + SIGN_IN)


def _state(check) -> str:
    if check.answered_at is None:
        return "The question was withdrawn." if not check.is_open else "It is open again."
    return f"Since {_day(check.answered_at)} the answer is: {check.get_status_display().lower()}."


def in_words(item, person) -> str:
    """What has become of it, for whoever it is or was; without its title."""
    if item.status == ActionItem.Status.DONE:
        return f"It is done since {_day(item.ended_at)}."
    if item.status == ActionItem.Status.DROPPED:
        return f"It was decided on {_day(item.ended_at)} not to do it."
    if item.owner_id != person.pk:
        return f"It belongs to {item.owner} now." if item.owner else "It belongs to nobody now."
    if item.offered_to_id:
        return f"{item.offered_to} is asked to take it over; until they accept, it is yours."
    if item.waits_for:
        return f"It is blocked until {item.snoozed_until:%-d %B %Y}."
    if item.snoozed_until and item.snoozed_until > person.today():
        return f"It is quiet until {item.snoozed_until:%-d %B %Y}."
    return f"It is yours, due on {item.due_on:%-d %B %Y}." if item.due_on else "It is yours."


def _day(moment) -> str:
    return f"{timezone.localtime(moment):%-d %B %Y}"
