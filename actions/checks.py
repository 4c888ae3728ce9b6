"""Whom we ask whether a done item worked, and when. Pure: nothing here writes, or asks more than it is handed."""

from datetime import UTC, timedelta


def whom_to_ask(item):
    """The retro's facilitator, else its sponsor, else the owner's manager: never the owner; None without anybody."""
    retro, owner = item.retro, item.owner
    roads = (
        lambda: retro and retro.facilitator,
        lambda: retro and retro.sponsor,
        lambda: owner and owner.manager,
    )
    people = (road() for road in roads)  # one after the other: who is not needed is not read
    return next((one for one in people if one and one.is_active and one.pk != item.owner_id), None)


def when_to_ask(check_on, done_at, after, person):
    """The day that was agreed if it lies after the end, else `after` days after it; one on which they work."""
    done_on = day_of(person, done_at)
    day = check_on if check_on and check_on > done_on else done_on + timedelta(days=after)
    if person is None:
        return day
    moment = person.calendar.next_working_moment(person.calendar.start_of(day))
    return person.today(moment) if moment else day


def day_of(person, at):
    """The date where they are; UTC's without anybody."""
    return person.today(at) if person else at.astimezone(UTC).date()
