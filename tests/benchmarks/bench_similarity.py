"""How well incidents that happened again bring each other up, ours against the database's plain full-text rank.

    python -m tests.benchmarks.bench_similarity             SQLite, in a scratch file
    DATABASE_URL=postgres://… python -m …                   PostgreSQL, in a scratch database made and dropped

The labelled set is tests/search/recurring.toml. Exits 1 if ours is not better on the families held out.
"""

import sys

from tests.benchmarks.scratch import scratch


def main() -> int:
    with scratch("similarity"):
        from django.db import connection

        from config.people.models import User
        from tests.search import recurring

        sam = User.objects.create_superuser("sam@example.com", "not-used-here", name="Sam")
        told = recurring.tell()
        recurring.prepare_plain()
        results = {
            "plain full-text rank": recurring.recall(told, recurring.plain),
            "ours, words alone": recurring.recall(told, recurring.ours(sam, traits=())),
            "ours, when declaring": recurring.recall(told, recurring.ours(sam)),
            "ours, with factors": recurring.recall(
                told, recurring.ours(sam, traits=("service", "region", "factor"))
            ),
        }
        sys.stdout.write(f"{connection.vendor}, {len(told)} incidents, recall@5    tuning   held out\n")
        for name, by_split in results.items():
            sys.stdout.write(f"  {name:<40}{by_split['tuning']:>12.3f}{by_split['held-out']:>11.3f}\n")
        better = results["ours, when declaring"]["held-out"] > results["plain full-text rank"]["held-out"]
        return int(not better)


if __name__ == "__main__":
    sys.exit(main())
