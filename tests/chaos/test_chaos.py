"""A little of each fault, in real processes; `python -m tests.chaos` does much of each."""

import pytest

from tests.chaos import faults
from tests.chaos.house import House
from tests.stack import scratch_postgres, scratch_redis

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """SQLite, and a broker of files."""
    with House(tmp_path_factory.mktemp("files") / "house").open() as house:
        yield house


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """PostgreSQL and Redis."""
    folder = tmp_path_factory.mktemp("servers") / "house"
    with (
        scratch_postgres() as database,
        scratch_redis() as redis,
        House(folder, database, redis).open() as house,
    ):
        yield house


# Where there is no server the ways to die are the same, but the lock, the broker and the claiming are not.
ON_FILES = (faults.killed_workers, faults.killed_children, faults.lost_answers)
LITTLE = {
    faults.killed_workers: {"kills": 2},
    faults.killed_children: {"kills": 2},
    faults.asked_to_stop: {"stops": 1},  # ten seconds of it are Celery's, waiting for a pool that has ended
}


def check(house, fault):
    verdict = fault(house, fault.__name__.replace("_", ""), count=40, **LITTLE.get(fault, {}))
    assert verdict.wrong == []
    # What was in doubt and then cancelled counts as both.
    assert verdict.messages <= verdict.accepted - verdict.duplicates + verdict.cancelled
    if fault in faults.QUIET:
        assert verdict.duplicates == 0
    return verdict


@pytest.mark.parametrize("fault", ON_FILES, ids=lambda fault: fault.__name__)
def test_on_one_machine_with_nothing_installed(files, fault):
    check(files, fault)


@pytest.mark.parametrize("fault", [*faults.EVERYWHERE, *faults.IN_PRODUCTION], ids=lambda f: f.__name__)
def test_in_production(servers, fault):
    check(servers, fault)


def test_the_judge_sees_what_is_lost_doubled_and_sent_too_late(files):
    files.queue("judged", 4, 2)
    files.tell_the_server(lose=1)
    files.start()
    files.wait_for_mail("judged", 4)
    files.tell_the_server()
    files.wait_until_done("judged")
    files.stop()
    honest = faults.judge(files, "judged")
    assert (honest.wrong, honest.flagged) == ([], 4)
    kept = files.log.read_text()
    lines = [line for line in kept.splitlines(keepends=True) if "judged-" in line]
    first = lines[0].split("\t")
    address = first[2].strip()
    try:
        files.log.write_text(kept.replace("".join(lines), ""))
        assert len(faults.judge(files, "judged").wrong) == 4
        files.log.write_text(kept + lines[0] * 5)
        assert "came" in faults.judge(files, "judged").wrong[0]
        files.log.write_text(kept + f"{first[0]}\t<another@id>\t{address}\n")
        assert any("not as" in wrong for wrong in faults.judge(files, "judged").wrong)
        files.log.write_text(kept)
        assert "had changed" in faults.judge(files, "judged", changed={address: 1.0}).wrong[0]
    finally:
        files.log.write_text(kept)
