"""Notices of alerts as mail, one message to all of a rule's addresses."""

import re
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

from pipeline.domain.alerts import Rule
from pipeline.domain.delivery import MailServer
from pipeline.domain.errors import Unavailable, Undeliverable

_TIME_OUT_S = 10.0
_NO_ATOM = re.compile(r"[^A-Za-z0-9]+")


class MailNotifier:
    def __init__(self, server: MailServer | None) -> None:
        self._server = server

    def send(self, rule: Rule, message: Mapping[str, Any]) -> None:
        if self._server is None:
            raise Undeliverable("TICKERLINE_SMTP_URL is not set: mail is off")
        try:
            with self._session(self._server) as session:
                session.send_message(_mail(self._server.sender, rule, message))
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            kind = Undeliverable if all(code >= 500 for code in codes) else Unavailable
            raise kind(f"mail: the server refused the recipients ({', '.join(map(str, codes))})") from None
        except smtplib.SMTPResponseException as error:
            kind = Undeliverable if error.smtp_code >= 500 else Unavailable
            raise kind(f"mail: the server answered {error.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise Unavailable(f"mail: {type(error).__name__}") from None

    def _session(self, server: MailServer) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if server.tls:
            session: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=_TIME_OUT_S, context=context)
        else:
            session = smtplib.SMTP(server.host, server.port, timeout=_TIME_OUT_S)
        try:
            session.ehlo()
            if not server.tls and session.has_extn("starttls"):
                session.starttls(context=context)
                session.ehlo()
            elif not server.tls and server.user:
                raise Undeliverable("mail: the server has no TLS, and the password is not told without")
            if server.user:
                session.login(server.user, server.password)
        except BaseException:
            session.close()
            raise
        return session


def _mail(sender: str, rule: Rule, message: Mapping[str, Any]) -> EmailMessage:
    mail = EmailMessage()
    fired = message["type"] == "alert.fired"
    mail["Subject"] = f"[Tickerline] {'Alert' if fired else 'Over'}: {rule.name} ({message['subject']})"
    mail["From"], mail["To"] = sender, ", ".join(rule.mail_to)
    name = _NO_ATOM.sub("-", f"{message['alert']} {message['type']}")
    mail["Message-ID"] = f"<{name}@tickerline>"  # the same when it is sent again
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(f"{message['text']}\n\nRule: {rule.name}\nTime: {message['at']}\nAlert: {message['alert']}\n")
    return mail
