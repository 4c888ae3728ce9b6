#!/usr/bin/env python3
"""Aftercare's command line."""

import getpass
import os
import sys


def main() -> int:
    """Run a command; what stops it before Django is up is told in one line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line

        from config.audit.actor import acting
    except ModuleNotFoundError as error:
        return _stop(_missing(error))
    name = f"manage.py {sys.argv[1]}" if len(sys.argv) > 1 else "manage.py"
    try:
        with acting(name=f"{_operator()} ({name})", kind="command"):
            execute_from_command_line(sys.argv)
    except ModuleNotFoundError as error:
        return _stop(_missing(error))
    except ImproperlyConfigured as error:
        return _stop(str(error))
    except KeyboardInterrupt:
        return 130  # what a shell calls Ctrl-C
    return 0


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user id often has no name
        return "somebody"


def _missing(error: ModuleNotFoundError) -> str:
    return (
        f"the Python module {error.name!r} is missing. Install what Aftercare needs with: "
        "python -m pip install -r config/requirements/base.txt"
    )


def _stop(why: str) -> int:
    print(f"Aftercare cannot start: {why}", file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main())
