"""Every setting is read from the environment, and a bad value is refused in one line with its name."""

import os
import re
import runpy
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings as live
from django.core.exceptions import ImproperlyConfigured

SETTINGS = Path(live.BASE_DIR) / "config" / "settings.py"

BAD = {
    "PORT": ["eighty", "0", "-1", "65536", "80.5"],
    "DEBUG": ["maybe", "2"],
    "DEMO": ["demo"],
    "SITE_URL": [
        *("aftercare.example.com", "ftp://example.com", "https://", "https://example.com/aftercare"),
        *("https://example.com:port", "https://example.com:99999", "https://example.com?a=b"),
        *("https://user:secret@example.com", "https://exam ple.com", "https://example.com\nEvil: yes"),
    ],
    "SECRET_KEY": ["short"],
    "AUDIT_KEYS": ["k" * 32, "name:secret@short", ":" + "k" * 32, "a name:" + "k" * 32],
    "WEBHOOK_NETWORKS": ["inside", "10.2.0.0/33", "10.2.0.1/16", "10.2.0.0/16 10.3.0.0/16"],
    "AUDIT_EMAILS": ["auditors", "a@b\nBcc: c@d", "a@b, auditors"],
    "DATABASE_URL": [
        *("nonsense", "mysql://user:secret@host/name", "postgres://user:secret@host:port/name"),
        *("postgres://user:p/secret@host/name", "postgres://host/", "/var/lib/db.sqlite3", "oracle://x/y"),
    ],
    "REDIS_URL": ["localhost:6379", "http://host", "redis://", "redis://:secret@host:port/0"],
    "TIME_ZONE": ["Mars/Olympus", "Europe", "../../etc/passwd", "CEST!"],
    "EMAIL_TIMEOUT": ["soon", "0", "-10", "1.5"],
    "EMAIL_URL": ["mail.example.com", "http://host", "smtp://host:port", "smtp://", "smtp+tls://:587"],
    "DEFAULT_FROM_EMAIL": ["Aftercare", "a@", "@b", "a@b\nBcc: c@d", "<>"],
    "DELIVERY_LEASE": ["long", "0"],
    "BEHIND_PROXY": ["nginx"],
    "LOG_LEVEL": ["LOUD", "info"],
    "LOG_FORMAT": ["xml"],
}
# What is right by definition, whatever is written.
ANYTHING = {"ALLOWED_HOSTS", "AUDIT_ANCHORS", "SITE_NAME", "STATIC_ROOT", "STATUS_EXPORT_DIR", "VAR_DIR"}
EACH = [pytest.param(name, value, id=f"{name}={value!r}") for name, values in BAD.items() for value in values]


@pytest.fixture
def read(monkeypatch, tmp_path):
    """The settings as they come out of an environment."""
    names = set(re.findall(r"""(?:setting\(\s*|environ\.get\()"([A-Z_]+)\"""", SETTINGS.read_text()))
    for name in names:
        monkeypatch.delenv(name, raising=False)

    def out_of(**environment):
        for name, value in {"VAR_DIR": str(tmp_path / "var"), **environment}.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(SETTINGS))

    return out_of


def manage(tmp_path, *arguments, **environment):
    keep = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=live.BASE_DIR,
        env={**keep, "VAR_DIR": str(tmp_path / "var"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_every_setting_is_in_the_table():
    named = set(re.findall(r"""setting\(\s*"([A-Z_]+)\"""", SETTINGS.read_text()))
    assert named == set(BAD) | ANYTHING


@pytest.mark.parametrize(("name", "value"), EACH)
def test_a_bad_value_is_refused_with_its_name_and_no_password(read, name, value):
    with pytest.raises(ImproperlyConfigured) as refused:
        read(**{name: value})
    text = str(refused.value)
    assert text.startswith(name)
    assert "not usable" in text
    assert len(text.splitlines()) == 1
    assert "secret@" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("DATABASE_URL", "mysql://user:secret@host/name"),
        ("DEFAULT_FROM_EMAIL", "a@b\nBcc: c@d"),
    ],
)
def test_a_bad_value_stops_every_command_with_one_line(tmp_path, name, value):
    done = manage(tmp_path, "check", **{name: value})
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"Aftercare cannot start: {name}=")


def test_a_lease_too_short_is_refused_by_the_check(tmp_path):
    done = manage(tmp_path, "check", EMAIL_TIMEOUT="30", DELIVERY_LEASE="60")
    assert done.returncode == 1
    assert "outbox.E001" in done.stderr


def test_an_empty_value_is_as_good_as_none(read):
    assert read(PORT="", DATABASE_URL="", EMAIL_URL="")["PORT"] == 8000


def test_good_values_are_taken(read):
    values = read(
        **{
            "PORT": "9000",
            "SITE_URL": "https://aftercare.example.com/",
            "DATABASE_URL": "postgres://user:p%40ss@db.example.com:5433/aftercare",
            "REDIS_URL": "rediss://:pass@cache.example.com:6380/2",
            "EMAIL_URL": "smtp+tls://user:pass@mail.example.com:587",
            "DEFAULT_FROM_EMAIL": "Aftercare <no-reply@example.com>",
            "TIME_ZONE": "Europe/Berlin",
            "ALLOWED_HOSTS": "a.example.com, b.example.com",
            "EMAIL_TIMEOUT": "40",
            "DEBUG": "Yes",
        }
    )
    assert values["DATABASES"]["default"]["PASSWORD"] == "p@ss"
    assert values["DATABASES"]["default"]["PORT"] == 5433
    assert values["CELERY_BROKER_URL"].startswith("rediss://")
    assert (values["EMAIL_HOST"], values["EMAIL_PORT"], values["EMAIL_USE_TLS"]) == (
        "mail.example.com",
        587,
        True,
    )
    assert values["ALLOWED_HOSTS"] == ["a.example.com", "b.example.com"]
    assert values["SITE_URL"] == "https://aftercare.example.com"
    assert values["SESSION_COOKIE_SECURE"] is values["SECURE_SSL_REDIRECT"] is values["DEBUG"] is True
    assert values["DELIVERY_LEASE"] == 120  # three times as long as a slow server may take


def test_without_any_setting_everything_is_on_this_machine(read, tmp_path):
    values = read()
    assert values["DATABASES"]["default"]["NAME"] == str(tmp_path / "var" / "aftercare.sqlite3")
    assert values["EMAIL_FILE_PATH"] == tmp_path / "var" / "mail"
    assert values["CELERY_BROKER_URL"].startswith("filesystem://")
    assert values["ALLOWED_HOSTS"] == ["127.0.0.1", "127.0.0.1", "localhost"]
    assert values["DEBUG"] is values["DEMO"] is False


# --- The secret key


def test_the_key_is_made_once_and_only_its_owner_reads_it(read, tmp_path):
    first = read()["SECRET_KEY"]
    path = tmp_path / "var" / "secret_key"
    assert len(first) >= 50
    assert path.read_text() == first == read()["SECRET_KEY"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {p.name for p in path.parent.iterdir()} == {"secret_key", "audit_key"}


def test_processes_that_start_at_once_agree_on_one_key(read, tmp_path):
    read()
    with ThreadPoolExecutor(8) as pool:
        (tmp_path / "var" / "secret_key").unlink()
        keys = {
            values["SECRET_KEY"] for values in pool.map(lambda _: runpy.run_path(str(SETTINGS)), range(8))
        }
    assert len(keys) == 1


def test_a_key_from_the_environment_is_not_written_down(read, tmp_path):
    key = "k" * 50
    values = read(SECRET_KEY=key, AUDIT_KEYS=f"new:{key},old:{key[::-1]}x")
    assert values["SECRET_KEY"] == key
    assert list(values["AUDIT_KEYS"]) == ["new", "old"]
    assert not (tmp_path / "var").exists()


def test_two_machines_that_each_made_a_key_do_not_take_it_for_the_same(read, tmp_path):
    names = [next(iter(read(VAR_DIR=str(tmp_path / place))["AUDIT_KEYS"])) for place in ("one", "two")]
    assert names[0] != names[1]


def test_a_place_for_data_that_is_none_is_told_in_one_line(read, tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("")
    for place in (occupied, occupied / "below"):
        with pytest.raises(ImproperlyConfigured, match=r"VAR_DIR=.* is not usable: .*; name a directory"):
            read(VAR_DIR=str(place))
