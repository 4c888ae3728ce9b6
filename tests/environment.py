"""Where the tests run: loaded before Django, so that no test touches the data of this checkout."""

import os
import tempfile

if url := os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = url
os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="aftercare-test-")
for name in ("EMAIL_URL", "REDIS_URL", "SITE_URL", "DEBUG", "DEMO", "SECRET_KEY"):
    os.environ.pop(name, None)
