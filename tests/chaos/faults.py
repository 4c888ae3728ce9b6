"""What can go wrong while messages are due: each fault breaks a house in its own way, then lets it come to rest."""

import random
import time

from tests.chaos.house import TABLE, judge

SLOW = 0.02  # seconds between accepting a mail and saying so: where a kill leaves it in doubt


def _begin(house, run, count, *, workers=1, schedulers=1, **told):
    house.tell_the_server(**{"delay": SLOW, **told})
    house.queue(run, count)
    house.start(workers, schedulers)


def _end(house, run, **judged):
    house.tell_the_server()
    house.wait_until_done(run, seconds=120)
    house.stop()
    return judge(house, run, **judged)


def nothing(house, run, count=60):
    """No fault at all, with two schedulers and two workers: nothing twice."""
    _begin(house, run, count, workers=2, schedulers=2)
    return _end(house, run)


def killed_workers(house, run, count=60, kills=3, most=8):
    """Workers are killed with their whole group, each time after a few more mails."""
    _begin(house, run, count)
    return _kill(house, run, house.kill_worker, kills, most)


def killed_children(house, run, count=60, kills=3, most=8):
    """Single processes of the pool are killed."""
    _begin(house, run, count)
    return _kill(house, run, house.kill_child, kills, most)


def _kill(house, run, kill, kills, most):
    for _ in range(kills):
        seen, stop = len(house.accepted(run)), time.monotonic() + 20
        more = random.randint(1, most)
        while len(house.accepted(run)) < seen + more and time.monotonic() < stop:
            time.sleep(0.005)
        time.sleep(random.random() * SLOW)
        kill()
        house.supervise()
        if not house.workers:
            house.start_worker()
    return _end(house, run)


def asked_to_stop(house, run, count=60, stops=3):
    """Workers and all their processes get SIGTERM, as in every deploy: nothing twice."""
    _begin(house, run, count)
    for number in range(1, stops + 1):
        house.wait_for_mail(run, number * count // (stops + 2))
        house.ask_worker_to_stop()
        house.start_worker()
    return _end(house, run)


def emptied_broker(house, run, count=60, times=3):
    """Everything is taken out of the broker, again and again."""
    _begin(house, run, count)
    for number in range(1, times + 1):
        house.wait_for_mail(run, number * count // (times + 2))
        house.empty_broker()
    return _end(house, run)


def cut_database(house, run, count=60, times=1):
    """Every connection to the database ends, and none is let in for two seconds."""
    _begin(house, run, count)
    for number in range(1, times + 1):
        house.wait_for_mail(run, number * count // (times + 2))
        house.cut_database()
    return _end(house, run)


def put_off(house, run, count=60):
    """A third of all mails is answered 451: nothing twice."""
    _begin(house, run, count, later=0.3, delay=0)
    time.sleep(2)
    return _end(house, run)


def lost_answers(house, run, count=60):
    """The server takes a mail, and its answer is lost: it comes again, flagged."""
    _begin(house, run, count, lose=0.1, delay=0)
    time.sleep(2)
    return _end(house, run)


def hanging(house, run, count=40):
    """The server does not answer for longer than we wait: flagged, and nothing twice."""
    _begin(house, run, count, hangs=0.1, hang=1.5, delay=0)
    time.sleep(2)
    return _end(house, run)


def changed_facts(house, run, count=60):
    """People go while mail to them is due and while workers are killed: nothing goes to them afterwards."""
    _begin(house, run, count)
    house.wait_for_mail(run, count // 4)
    house.sql(
        f"UPDATE people_user SET is_active = false WHERE email LIKE '{run}-p%' AND id % 2 = 0"  # half of them
    )
    changed_at = time.time() + 0.6  # what was read a moment before is on its way
    gone = house.sql(
        f"SELECT d.address FROM {TABLE} d JOIN people_user p ON p.id = d.recipient_id "
        f"WHERE d.address LIKE '{run}-%' AND p.is_active = false"
    )
    house.kill_worker()
    house.start_worker()
    return _end(house, run, changed={address: changed_at for (address,) in gone})


QUIET = (nothing, asked_to_stop, emptied_broker, put_off, hanging)  # after these nothing may have come twice
EVERYWHERE = (
    *(nothing, killed_workers, killed_children, asked_to_stop),
    *(put_off, lost_answers, hanging, changed_facts),
)
IN_PRODUCTION = (emptied_broker, cut_database)
