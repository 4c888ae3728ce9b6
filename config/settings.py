"""Every setting, from the environment. A bad value is refused with its name and what would be right."""

import hashlib
import ipaddress
import os
import re
import secrets
import sys
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


SECRETS = ("SECRET_KEY", "AUDIT_KEYS")


def setting(name, default, parse=str, right=""):
    """Read `name` from the environment, or refuse to start and say what would be right."""
    raw = os.environ.get(name)
    if raw is None or raw == "":
        return default
    try:
        return parse(raw)
    except (ValueError, KeyError, OSError, ImproperlyConfigured) as error:
        # What is refused ends up in logs; passwords and keys must not.
        shown = "…" if name in SECRETS else re.sub(r"://.*@", "://…@", raw)
        raise ImproperlyConfigured(f"{name}={shown!r} is not usable: {right or error}") from error


def _one_of(*allowed):
    def parse(raw):
        if raw not in allowed:
            raise ValueError(raw)
        return raw

    return parse


def _boolean(raw):
    return {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }[raw.lower()]


def _seconds(raw):
    if (value := int(raw)) <= 0:
        raise ValueError(raw)
    return value


def _port(raw):
    if (value := int(raw)) not in range(1, 65_536):
        raise ValueError(raw)
    return value


def _site_url(raw):
    parts = urlsplit(raw)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(raw)
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc or raw.split() != [raw]:
        raise ValueError(raw)
    return raw.rstrip("/")


def _sender(raw):
    if not re.fullmatch(r"[^\s@]+@[^\s@]+", parseaddr(raw)[1]) or len(raw.splitlines()) != 1:
        raise ValueError(raw)
    return raw


def _list(raw):
    return [part.strip() for part in raw.split(",") if part.strip()]


def _networks(raw):
    return [ipaddress.ip_network(part) for part in _list(raw)]


def _addresses(raw):
    return [_sender(part) for part in _list(raw)]


def _database(raw):
    # Checked here first: django-environ only warns of an engine it does not know.
    if urlsplit(raw).scheme not in ("sqlite", "postgres", "postgresql", "pgsql", "psql"):
        raise ValueError(raw)
    config = environ.Env.db_url_config(raw)
    if config.get("ENGINE") not in ("django.db.backends.sqlite3", "django.db.backends.postgresql"):
        raise ValueError(raw)
    if not config.get("NAME"):
        raise ValueError(raw)
    return config


def _email(raw):
    config = environ.Env.email_url_config(raw)
    if urlsplit(raw).scheme.startswith("smtp") and not config["EMAIL_HOST"]:
        raise ValueError(raw)
    return config


def _redis(raw):
    parts = urlsplit(raw)
    if parts.scheme not in ("redis", "rediss", "unix") or parts.port == 0 or not (parts.netloc or parts.path):
        raise ValueError(raw)
    return raw


def _zone(raw):
    from zoneinfo import ZoneInfo

    ZoneInfo(raw)
    return raw


YES_OR_NO = "write true or false"

# --- The machine -------------------------------------------------------------------------------------------

VAR_DIR = setting("VAR_DIR", BASE_DIR / "var", Path)
PORT = setting("PORT", 8000, _port, "write a port number such as 8000")
DEBUG = setting("DEBUG", False, _boolean, YES_OR_NO)
# Loopback only, with well-known passwords: `manage.py demo` sets it.
DEMO = setting("DEMO", False, _boolean, YES_OR_NO)
SITE_URL = setting(
    "SITE_URL",
    f"http://127.0.0.1:{PORT}",
    _site_url,
    "write the address people use, such as https://aftercare.example.com, with no path",
)
SITE_NAME = setting("SITE_NAME", "Aftercare")
IS_HTTPS = SITE_URL.startswith("https://")


def _kept(name):
    """A secret made once and kept in a file of this name beside the data."""
    path = VAR_DIR / name
    try:
        if not path.exists():
            _make_secret(path)
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"VAR_DIR={str(VAR_DIR)!r} is not usable: {error.strerror}; name a directory that can be written to"
        ) from error


def _make_secret(path):
    """Two processes that start at once must agree on one secret, and neither may read half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
        os.link(draft, path)  # whole at once, and refused if somebody was quicker
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def _long_enough(raw):
    if len(raw) < 50:
        raise ValueError
    return raw


def _keys(raw):
    keys = dict(part.partition(":")[::2] for part in _list(raw))
    if not keys or any(
        not re.fullmatch(r"[\w.-]{1,40}", name) or len(key) < 32 for name, key in keys.items()
    ):
        raise ValueError
    return {name: key.encode() for name, key in keys.items()}


def _kept_key():
    key = _kept("audit_key").encode()
    # Named after what it is: two machines that each made one must not take it for the same.
    return {f"kept-{hashlib.sha256(key).hexdigest()[:8]}": key}


SECRET_KEY = setting("SECRET_KEY", "", _long_enough, "write at least 50 random characters") or _kept(
    "secret_key"
)
# The first signs, the others only check what was signed before. Apart from SECRET_KEY: see config/audit/keys.py.
AUDIT_KEYS = (
    setting("AUDIT_KEYS", {}, _keys, "write name:secret with at least 32 characters, newest first, by commas")
    or _kept_key()
)
AUDIT_ANCHORS = setting("AUDIT_ANCHORS", VAR_DIR / "anchors.log", Path)
AUDIT_EMAILS = setting("AUDIT_EMAILS", [], _addresses, "write addresses, separated by commas")
ALLOWED_HOSTS = setting("ALLOWED_HOSTS", [urlsplit(SITE_URL).hostname, "127.0.0.1", "localhost"], _list)
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# --- Applications ------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config",
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "simple_history",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "config.coach",
    "config.audit",
    "config.outbox",
    "config.reminding",
    "config.search",
    "incidents",
    "retros",
    "actions",
    "config.people",  # last: what happens after a migration needs every other app's permissions
]

MIDDLEWARE = [
    "incidents.status.serving.PublicPages",  # first: what is public needs nothing that comes after
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.csp.AdminScriptsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.audit.middleware.ActorMiddleware",
    "config.people.middleware.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Data --------------------------------------------------------------------------------------------------

DATABASES = {
    "default": setting(
        "DATABASE_URL",
        environ.Env.db_url_config(f"sqlite:///{VAR_DIR / 'aftercare.sqlite3'}"),
        _database,
        "write sqlite:////path/to/file or postgres://user:password@host:5432/name",
    )
}
IS_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
if IS_SQLITE:
    DATABASES["default"]["OPTIONS"] = {
        # DEFERRED transactions failed up to 67 % of contended read-then-write work; IMMEDIATE ones none.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = setting("REDIS_URL", "", _redis, "write redis://host:6379/0")
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# Triggers write the history; simple-history's signals miss what does not go through save().
SIMPLE_HISTORY_ENABLED = False
SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True
SIMPLE_HISTORY_DATE_INDEX = False
SIMPLE_HISTORY_REVERT_DISABLED = True
SIMPLE_HISTORY_ENFORCE_HISTORY_MODEL_PERMISSIONS = False

# --- People ------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["config.people.backends.RolesBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = "en-gb"
LANGUAGES = [(LANGUAGE_CODE, "English")]  # the theme asks about each of them on every page
TIME_ZONE = setting("TIME_ZONE", "UTC", _zone, "write a zone such as Europe/Berlin")
USE_TZ = True

# --- Messages and work -------------------------------------------------------------------------------------

EMAIL_TIMEOUT = setting("EMAIL_TIMEOUT", 10, _seconds, "write seconds, such as 10")
if os.environ.get("EMAIL_URL"):
    vars().update(
        setting(
            "EMAIL_URL",
            {},
            _email,
            "write smtp://user:password@host:25, smtp+tls://…:587 or smtp+ssl://…:465",
        )
    )
else:
    EMAIL_BACKEND = "config.outbox.backends.MailFileBackend"
    EMAIL_FILE_PATH = VAR_DIR / "mail"
DEFAULT_FROM_EMAIL = setting(
    "DEFAULT_FROM_EMAIL",
    f"Aftercare <aftercare@{urlsplit(SITE_URL).hostname}>",
    _sender,
    "write an address such as Aftercare <aftercare@example.com>",
)
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# How long a worker may hold a message before another takes it, in seconds.
DELIVERY_LEASE = setting("DELIVERY_LEASE", max(60, 3 * EMAIL_TIMEOUT), _seconds, "write seconds, such as 60")

# Networks inside which webhooks may go although they are not public, such as 10.2.0.0/16.
WEBHOOK_NETWORKS = setting(
    "WEBHOOK_NETWORKS", [], _networks, "write networks such as 10.2.0.0/16, separated by commas"
)

BROKER_DIR = VAR_DIR / "broker"
CELERY_BROKER_URL = REDIS_URL or "filesystem://localhost"
if REDIS_URL:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),  # the same folder: what one writes another reads
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.2,
    }
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "schedule")
# On the filesystem its answers would be files that nobody takes away.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = bool(REDIS_URL)

# --- The status page -----------------------------------------------------------------------------------

# While somebody reads it, how often at most each process looks whether it is still true, in seconds.
STATUS_FOLLOW = 0.5
# Where its finished files are; every web process and worker of one machine uses the same.
STATUS_DIR = VAR_DIR / "public"
# A folder that is kept in line with it, for a web server or host of static files.
STATUS_EXPORT_DIR = setting("STATUS_EXPORT_DIR", None, Path)

# --- Web ---------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = setting("STATIC_ROOT", None, Path)  # only for serving them without Aftercare
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True  # nothing to collect before the first start
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]  # asked from inside, where there is no TLS
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
if setting("BEHIND_PROXY", False, _boolean, YES_OR_NO):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],  # the admin needs more: config/csp.py
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "config.people.authentication.TokenAuthentication",
        "config.people.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["config.api.permissions.HasModelPermission"],
    "DEFAULT_PAGINATION_CLASS": "config.api.paging.Pages",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.parsing.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["config.api.filters.Filters"],
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "config.api.schema.Schema",
    "EXCEPTION_HANDLER": "config.api.problems.problem",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Aftercare API",
    "DESCRIPTION": "Incidents, retrospectives and improvement actions. Every change is kept in the history.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},  # its own is on another host
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "IncidentStatus": "incidents.models.Incident.Status",
        "UpdateStatus": "incidents.models.CustomerUpdate.Status",
        "MaintenanceStatus": "incidents.models.Maintenance.Status",
        "SubscriberStatus": "incidents.models.Subscriber.Status",
        "RetroStatus": "retros.models.Retrospective.Status",
        "LearningStatus": "retros.models.Learning.Status",
        "ItemStatus": "actions.models.ActionItem.Status",
        "TimelineKind": "incidents.models.TimelineEntry.Kind",
        "FindingKind": "retros.models.Finding.Kind",
        "MarkKind": "retros.models.TimelineMark.Kind",
        "ItemKind": "actions.models.ActionItem.Kind",
    },
}

# --- Logs --------------------------------------------------------------------------------------------------

LOG_LEVEL = setting(
    "LOG_LEVEL", "INFO", _one_of("DEBUG", "INFO", "WARNING", "ERROR"), "write DEBUG, INFO, WARNING or ERROR"
)
LOG_FORMAT = setting("LOG_FORMAT", "text", _one_of("text", "json"), "write text or json")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
}

# --- The admin ---------------------------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": SITE_NAME,
    "SITE_HEADER": SITE_NAME,
    "SITE_SUBHEADER": "What we learn from incidents",
    "SITE_URL": "/admin/",
    "SITE_SYMBOL": "healing",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: f"{STATIC_URL}aftercare/favicon.svg"}
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "DASHBOARD_CALLBACK": "config.dashboard.dashboard",
    # The theme's own search of models reads every row that matches.
    "ACCOUNT": {"navigation": "config.dashboard.account"},
    "COMMAND": {"search_models": False, "search_callback": "config.admin.find", "show_history": False},
    "STYLES": [f"{STATIC_URL}aftercare/admin.css", f"{STATIC_URL}aftercare/coach.css"],
    "SCRIPTS": [f"{STATIC_URL}aftercare/coach.js"],
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": "config.dashboard.navigation",
    },
}
