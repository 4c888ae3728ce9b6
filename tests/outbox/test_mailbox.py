"""The demo's mailbox: readable on this machine, in the demo, and by nobody else."""

import pytest
from django.core.mail import EmailMultiAlternatives

from config.outbox.backends import MailFileBackend

HTML = "<html><head><title>t</title></head><body><script>alert(1)</script><a href='/admin/'>Open it</a></body></html>"


@pytest.fixture
def demo(settings, tmp_path):
    settings.DEMO, settings.VAR_DIR, settings.EMAIL_FILE_PATH = True, tmp_path, tmp_path / "mail"
    return settings


def post(subject="Overdue: Alert on failed payments", html=HTML):
    message = EmailMultiAlternatives(
        subject, "Due yesterday <b>\nhttp://127.0.0.1/go/", to=["omar@example.com"]
    )
    if html:
        message.attach_alternative(html, "text/html")
    MailFileBackend().send_messages([message])


def names(demo):
    return sorted(path.stem for path in demo.EMAIL_FILE_PATH.glob("*.eml"))


def pages(demo):
    return ["/mailbox/", *(f"/mailbox/{names(demo)[0]}/{end}" for end in ("", "html", "source"))]


def test_it_lists_the_newest_message_first(client, demo):
    post("The first")
    post("The second")
    page = client.get("/mailbox/").content.decode()
    assert page.index("The second") < page.index("The first")
    assert page.count("To omar@example.com") == 2


def test_it_says_so_when_there_is_no_mail(client, demo):
    assert "No message has been sent yet" in client.get("/mailbox/").content.decode()


def test_a_message_shows_its_headers_and_its_text_twin(client, demo):
    post()
    page = client.get(f"/mailbox/{names(demo)[0]}/").content.decode()
    assert "<dt>To</dt><dd>omar@example.com</dd>" in page
    assert "Due yesterday &lt;b&gt;" in page
    assert '<a href="http://127.0.0.1/go/"' in page
    assert "<iframe" in page


def test_a_message_without_html_has_no_frame(client, demo):
    post(html="")
    assert "<iframe" not in client.get(f"/mailbox/{names(demo)[0]}/").content.decode()


def test_the_html_twin_runs_nothing_and_loads_nothing(client, demo):
    post()
    response = client.get(f"/mailbox/{names(demo)[0]}/html")
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert '<head><base target="_blank">' in response.content.decode()


def test_its_own_pages_allow_no_script_at_all(client, demo):
    post()
    for address in pages(demo)[:2]:
        response = client.get(address)
        assert "default-src 'none'" in response["Content-Security-Policy"]
        assert "script-src" not in response["Content-Security-Policy"]
        assert "<script" not in response.content.decode()


@pytest.mark.parametrize("end", ["", "html", "source"])
def test_a_hostile_subject_is_shown_as_text(client, demo, end):
    post("<script>alert(1)</script>", html="")
    page = client.get(f"/mailbox/{names(demo)[0]}/{end}")
    assert page.status_code == 200
    if page["Content-Type"].startswith("text/html"):
        assert b"<script" not in page.content


def test_a_file_that_is_no_message_does_not_hide_the_others(client, demo):
    post("A good one")
    (demo.EMAIL_FILE_PATH / "20200101-bad.eml").write_bytes(b"\xff\x00Date: never\r\nTo: \xff\r\n\r\n\xff")
    (demo.EMAIL_FILE_PATH / "20200102-bad.eml").write_bytes(
        b"Date: 99 Foo\r\nContent-Type: text/html; charset=bogus\r\n\r\n\xff"
    )
    assert "A good one" in client.get("/mailbox/").content.decode()
    for name in ("20200101-bad", "20200102-bad"):
        for end in ("", "html", "source"):
            assert client.get(f"/mailbox/{name}/{end}").status_code == 200


@pytest.mark.parametrize("address", ["10.0.0.7", "192.168.1.5", "2001:db8::1", "", "nonsense"])
def test_it_does_not_exist_for_other_machines(client, demo, address):
    post()
    for page in pages(demo):
        assert client.get(page, REMOTE_ADDR=address).status_code == 404


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_it_is_there_for_this_machine(client, demo, address):
    assert client.get("/mailbox/", REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_it_does_not_exist_behind_a_proxy_on_this_machine(client, demo, header):
    assert client.get("/mailbox/", headers={header: "10.0.0.7"}).status_code == 404


def test_it_does_not_exist_outside_the_demo(client, demo):
    post()
    demo.DEMO = False
    for page in pages(demo):
        assert client.get(page).status_code == 404
        assert client.post(page).status_code == 404


@pytest.mark.parametrize("name", ["nothing-like-it", "..%2fsecret_key", "../secret_key", ".part"])
def test_nothing_but_messages_can_be_read(client, demo, name):
    (demo.VAR_DIR / "secret_key").write_text("secret")
    assert client.get(f"/mailbox/{name}/source").status_code == 404
