"""Aftercare's own worker and scheduler, which know one more kind of message, and a schedule for the impatient.

python -m tests.chaos.inside worker | scheduler FILE | queue MODULE:FUNCTION ARGUMENTS …
"""

import sys

QUIET = ["--loglevel", "WARNING"]
TICK = 0.5  # seconds between two runs of what is scheduled


def main(role, *arguments):
    """Be one of them."""
    import django

    django.setup()
    from config.celery import app
    from tests.chaos import kinds

    kinds.register()
    if role == "queue":
        from django.utils.module_loading import import_string

        name, *rest = arguments
        sys.stdout.write(f"{import_string(name.replace(':', '.'))(*rest)}\n")
    elif role == "scheduler":
        for entry in app.conf.beat_schedule.values():
            entry |= {"schedule": TICK, "options": {"expires": 2 * TICK}}
        app.conf.beat_max_loop_interval = TICK
        app.start(["beat", "--schedule", arguments[0], "--pidfile", "", *QUIET])
    else:
        app.worker_main(
            ["worker", "--pool", "prefork", "--concurrency", "2", "--hostname", arguments[0], *QUIET]
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
