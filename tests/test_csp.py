import pytest


@pytest.fixture
def policy(client):
    def of(path):
        return client.get(path).headers["Content-Security-Policy"]

    return of


def test_a_page_outside_the_admin_runs_only_our_own_script_files(policy, db):
    assert "script-src 'self';" in policy("/nowhere/") + ";"


def test_the_admin_may_evaluate_its_attributes(policy, db):
    assert "'unsafe-eval'" in policy("/admin/login/")


def test_no_page_may_be_framed_or_load_from_another_host(policy, db):
    for path in ("/nowhere/", "/admin/login/"):
        assert "frame-ancestors 'none'" in policy(path)
        assert "default-src 'self'" in policy(path)
