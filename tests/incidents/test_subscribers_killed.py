"""Real workers that are killed while they tell subscribers: each is told, and every mail in doubt is flagged."""

import time
from collections import defaultdict

import pytest

from tests.chaos.house import TABLE, House
from tests.stack import scratch_postgres, scratch_redis, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
QUEUE = "tests.incidents.killed_readers:publish"
COUNT = 60


def check(house, run, kills=3):
    house.tell_the_server(delay=0.02)
    assert house.queue(run, COUNT) == COUNT
    assert house.sql("SELECT count(*) FROM incidents_publication WHERE queued_at IS NULL") == [(1,)]
    house.start(workers=2)
    for number in range(1, kills + 1):
        wait_for(
            lambda: len(house.accepted(run)) >= number * COUNT // (kills + 3),  # noqa: B023
            seconds=60,
            why="no mail goes out",
        )
        house.kill_worker()
        house.start_worker()
    house.tell_the_server()
    wait_for(lambda: is_over(house), seconds=90, why="some were never told")
    house.stop()
    mails = defaultdict(list)
    for _, key, to in house.accepted(run):
        mails[to].append(key)
    [(flagged,)] = house.sql(f"SELECT sum(ambiguous) FROM {TABLE} WHERE key LIKE 'news:%'")
    assert sorted(mails) == sorted(f"{run}-{number}@customer.example" for number in range(COUNT))
    assert sum(len(keys) - 1 for keys in mails.values()) <= flagged
    assert all(len(set(keys)) == 1 for keys in mails.values())
    assert len({key for keys in mails.values() for key in keys}) == COUNT


def is_over(house):
    house.supervise()
    house.hurry()
    time.sleep(0.2)
    left = house.sql(
        f"SELECT (SELECT count(*) FROM {TABLE} WHERE key LIKE 'news:%' AND state = 'sent'),"
        " (SELECT count(*) FROM incidents_publication WHERE queued_at IS NULL)"
    )
    return left == [(COUNT, 0)]


def test_on_one_machine_with_nothing_installed(tmp_path):
    with House(tmp_path / "house", queue=QUEUE).open() as house:
        check(house, "files")


def test_in_production(tmp_path):
    with (
        scratch_postgres() as database,
        scratch_redis() as redis,
        House(tmp_path / "house", database, redis, queue=QUEUE).open() as house,
    ):
        check(house, "servers")
