"""The contract of the port `notifier`: a message arrives over each channel as it is, or the error says whether to try again."""

import hashlib
import hmac
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pipeline.adapters.aws.connection import client
from pipeline.adapters.aws.emulator import provision
from pipeline.adapters.aws.event_bus import SnsPublisher
from pipeline.adapters.aws.notifier import SnsNotifier
from pipeline.adapters.memory.notifier import MemoryNotifier
from pipeline.adapters.smtp.notifier import MailNotifier
from pipeline.adapters.webhook.notifier import WebhookNotifier
from pipeline.domain.alerts import Rule, RuleKind
from pipeline.domain.delivery import MailServer
from pipeline.domain.errors import Unavailable, Undeliverable
from pipeline.ports.notifier import Notifier
from tests.support.servers import wait_until

SECRET = "a secret of sixteen characters"
MESSAGE = {
    "type": "alert.fired", "alert": "7:IBM:3", "rule": "High", "kind": "above", "subject": "IBM",
    "at": "2026-11-20T22:00:00.000Z", "text": "IBM is at 101.50, at or above 100.00",
}  # fmt: skip
Rules = Callable[[], Rule]


def rule(url: str = "", *mail_to: str) -> Rule:
    return Rule("7", "High", RuleKind.ABOVE, "IBM", 100, 95, webhook_url=url, mail_to=mail_to)


class Hooks(ThreadingHTTPServer):
    """Takes posts; `status` is what it answers, `drip` sends that a byte at a time."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.status, self.drip = 204, False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?of=alerts"


class _Hook(BaseHTTPRequestHandler):
    server: Hooks

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((dict(self.headers) | {"path": self.path}, body))
        if self.server.drip:
            for _ in range(100):
                self.wfile.write(b"H")
                time.sleep(0.1)
            return
        self.send_response(self.server.status)
        self.send_header("Location", f"{self.server.url}&redirected")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...


class Mails(socketserver.ThreadingTCPServer):
    """Just enough of SMTP; `refuse` is what it answers to recipients."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.mails: list[str] = []
        self.refuse = ""


class _Mail(socketserver.StreamRequestHandler):
    server: Mails

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        text: list[str] | None = None
        for line in self.rfile:
            word = line.decode().strip()
            command = word[:4].upper()
            if text is not None:
                if word != ".":
                    text.append(word)
                    continue
                self.server.mails.append("\n".join(text))
                text, answer = None, "250 taken"
            elif command == "DATA":
                text, answer = [], "354 go on"
            elif command == "RCPT" and self.server.refuse:
                answer = self.server.refuse
            else:
                answer = "221 bye" if command == "QUIT" else "250 ok"
            self.wfile.write(f"{answer}\r\n".encode())


@contextmanager
def served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with Hooks() as server, served(server):
        yield server


@pytest.fixture
def mails() -> Iterator[Mails]:
    with Mails() as server, served(server):
        yield server


def webhooks(**options: Any) -> WebhookNotifier:
    return WebhookNotifier(SECRET, frozenset({"127.0.0.1"}), **options)


def mailer(mails: Mails, user: str = "") -> MailNotifier:
    return MailNotifier(
        MailServer("127.0.0.1", int(mails.server_address[1]), False, user, "canary", "from@example.com")
    )


@pytest.mark.parametrize("channel", ["memory", "webhook", "mail", "sns"])
def test_a_message_arrives(channel: str, request: pytest.FixtureRequest) -> None:
    notifier: Notifier
    if channel == "memory":
        memory = notifier = MemoryNotifier()
        notifier.send(rule(), MESSAGE)
        assert memory.sent == [MESSAGE]
    elif channel == "webhook":
        hooks: Hooks = request.getfixturevalue("hooks")
        webhooks().send(rule(hooks.url), MESSAGE)
        [(headers, body)] = hooks.posts
        assert json.loads(body) == MESSAGE
        assert headers["path"] == "/hook?of=alerts"
        assert headers["Tickerline-Event"] == "alert.fired"
        assert headers["Tickerline-Delivery"] == "7:IBM:3:alert.fired"
    elif channel == "mail":
        mails: Mails = request.getfixturevalue("mails")
        mailer(mails).send(rule("", "a@example.com", "b@example.com"), MESSAGE)
        [mail] = mails.mails
        assert "Subject: [Tickerline] Alert: High (IBM)" in mail
        assert "To: a@example.com, b@example.com" in mail
        assert MESSAGE["text"] in mail
        assert "Message-ID: <7-IBM-3-alert-fired@tickerline>" in mail
    else:
        url = request.getfixturevalue("aws_url")
        topic = provision(url, "notices").topic_arn
        sqs, sns = client("sqs", url), client("sns", url)
        queue = sqs.create_queue(QueueName="pager")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        only = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"type": ["alert.fired"], "subject": ["IBM"]})}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=only)
        sns_notifier = SnsNotifier(SnsPublisher(url, "notices"))
        sns_notifier.send(rule(), MESSAGE | {"type": "alert.cleared"})
        sns_notifier.send(rule(), MESSAGE)
        bodies: list[str] = []

        def arrived() -> bool:
            bodies.extend(m["Body"] for m in sqs.receive_message(QueueUrl=queue).get("Messages", ()))
            return bool(bodies)

        wait_until(arrived, "the event is in the queue")
        assert [json.loads(body) for body in bodies] == [MESSAGE]


class TestWebhook:
    def test_the_signature_is_that_of_time_and_body(self, hooks: Hooks) -> None:
        before = int(time.time())
        webhooks().send(rule(hooks.url), MESSAGE)
        headers, body = hooks.posts[0]
        at, _, digest = headers["Tickerline-Signature"].partition(",")
        assert before <= int(at.removeprefix("t=")) <= time.time()
        signed = f"{at.removeprefix('t=')}.".encode() + body
        assert digest == "v1=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()

    @pytest.mark.parametrize(
        ("status", "kind"),
        [(301, Undeliverable), (400, Undeliverable), (410, Undeliverable), (429, Unavailable), (503, Unavailable)],
    )
    def test_a_status_says_whether_a_later_try_helps(self, hooks: Hooks, status: int, kind: type[Exception]) -> None:
        hooks.status = status
        with pytest.raises(kind, match=f"answered {status}"):
            webhooks().send(rule(hooks.url), MESSAGE)
        assert len(hooks.posts) == 1

    def test_an_answer_that_drips_is_cut_off(self, hooks: Hooks) -> None:
        hooks.drip = True
        start = time.monotonic()
        with pytest.raises(Unavailable):
            webhooks(time_out_s=0.5).send(rule(hooks.url), MESSAGE)
        assert time.monotonic() - start < 3

    def test_a_closed_port_may_open_again(self) -> None:
        with pytest.raises(Unavailable, match=r"webhook: 127\.0\.0\.1: ConnectionRefusedError"):
            webhooks().send(rule("http://127.0.0.1:9/secret-token"), MESSAGE)

    def test_a_private_address_is_refused_without_a_connection(self, hooks: Hooks) -> None:
        with pytest.raises(Undeliverable, match="private address"):
            WebhookNotifier(SECRET).send(rule(hooks.url), MESSAGE)
        assert hooks.posts == []

    def test_without_a_secret_nothing_is_sent(self, hooks: Hooks) -> None:
        with pytest.raises(Undeliverable, match="TICKERLINE_WEBHOOK_SECRET"):
            WebhookNotifier("", frozenset({"127.0.0.1"})).send(rule(hooks.url), MESSAGE)
        assert hooks.posts == []


class TestMail:
    @pytest.mark.parametrize(("answer", "kind"), [("550 nobody", Undeliverable), ("451 later", Unavailable)])
    def test_an_answer_says_whether_a_later_try_helps(self, mails: Mails, answer: str, kind: type[Exception]) -> None:
        mails.refuse = answer
        with pytest.raises(kind, match=answer[:3]):
            mailer(mails).send(rule("", "a@example.com"), MESSAGE)

    def test_a_password_is_never_told_in_the_clear(self, mails: Mails) -> None:
        with pytest.raises(Undeliverable, match="no TLS"):
            mailer(mails, user="operator").send(rule("", "a@example.com"), MESSAGE)
        assert mails.mails == []

    def test_without_a_server_mail_is_off(self) -> None:
        with pytest.raises(Undeliverable, match="TICKERLINE_SMTP_URL"):
            MailNotifier(None).send(rule("", "a@example.com"), MESSAGE)
