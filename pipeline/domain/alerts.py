"""Alert rules and their exact behaviour: when a rule fires, when it clears, and when it may fire again.

Each rule looks at one number of its subject, a symbol or a stage, again and again:

    ok ──(value reaches `threshold`)─► firing ──(value is back at `clear_at`)─► clearing ──(`cooldown_s` after the firing)─► ok

Between the two thresholds nothing changes, so a value that trembles there is one alert. From one firing of a subject to its next
at least `cooldown_s` pass; a value that is beyond the threshold when they are over fires at its next look. The same looks give
the same alerts, whoever judges them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from pipeline.domain.errors import InvalidValue
from pipeline.domain.frames import STAGES
from pipeline.domain.symbols import checked_symbol
from pipeline.domain.times import rfc3339, to_ms

ALL = "*"  # as a rule's subject: every symbol of the watchlist, or every stage
CHANNELS = ("sns", "webhook", "mail")  # beside the dashboard, which shows every alert
LONGEST_WINDOW_S, LONGEST_COOLDOWN_S = 3_600, 86_400
SHORTEST_SILENCE_S = 5  # live bars come up to two seconds after their ticks
_MAIL = re.compile(r"[^\s@,;<>\"]{1,64}@[A-Za-z0-9.-]{1,255}", re.ASCII)
_URL = re.compile(r"https?://[!-~]{1,490}", re.ASCII)
_MOST = 1e12


class RuleKind(StrEnum):
    """What a rule looks at, and the unit of its thresholds."""

    ABOVE = "above"  # the price, dollars
    BELOW = "below"
    RISE = "rise"  # percent within the window
    FALL = "fall"
    VOLUME = "volume"  # shares within the window
    SILENCE = "silence"  # seconds without a tick
    STAGE = "stage"  # seconds that a stage has been failing


WINDOWED = (RuleKind.RISE, RuleKind.FALL, RuleKind.VOLUME)


@dataclass(frozen=True, slots=True)
class Rule:
    """`subject`: a symbol, a stage's name, or ALL. `since_ms`: looks from before it are not judged by this form of the rule."""

    id: str
    name: str
    kind: RuleKind
    subject: str
    threshold: float
    clear_at: float
    window_s: int = 0
    cooldown_s: int = 60
    since_ms: int = 0
    channels: tuple[str, ...] = ()
    webhook_url: str = field(default="", repr=False)  # some carry a token
    mail_to: tuple[str, ...] = ()

    def reached(self, value: float) -> bool:
        return value <= self.threshold if self.kind == RuleKind.BELOW else value >= self.threshold

    def back(self, value: float) -> bool:
        return value >= self.clear_at if self.kind == RuleKind.BELOW else value <= self.clear_at

    def subjects(self, watched: Iterable[str]) -> tuple[str, ...]:
        if self.subject != ALL:
            return (self.subject,)
        return STAGES if self.kind == RuleKind.STAGE else tuple(watched)


def usual_clear(kind: RuleKind, threshold: float) -> float:
    """The second threshold where none is given."""
    match kind:
        case RuleKind.ABOVE:
            return _rounded(threshold * 0.995)
        case RuleKind.BELOW:
            return _rounded(threshold * 1.005)
        case RuleKind.STAGE:
            return 0.0
        case _:
            return threshold / 2


def _rounded(value: float) -> float:
    """To six digits, however small it is: 99.5 and not 99.49999999999999."""
    return float(f"{value:.6g}")


def checked_rule(rule: Rule) -> Rule:
    """Raises InvalidValue, naming the field and the rule that it breaks."""
    if not 1 <= len(rule.name) <= 80 or not rule.name.isprintable():
        raise InvalidValue("name", "expected 1 to 80 printable characters")
    _check_subject(rule)
    if not 0 < rule.threshold <= _MOST:
        raise InvalidValue("threshold", "expected a number above 0")
    if rule.kind == RuleKind.BELOW and not rule.threshold < rule.clear_at <= _MOST:
        raise InvalidValue("clear_at", "expected a number above the threshold, which clears only beyond it")
    if rule.kind != RuleKind.BELOW and not 0 <= rule.clear_at < rule.threshold:
        raise InvalidValue("clear_at", "expected a number from 0 to below the threshold, which clears only beyond it")
    if rule.kind == RuleKind.SILENCE and rule.threshold < SHORTEST_SILENCE_S:
        raise InvalidValue("threshold", f"expected at least {SHORTEST_SILENCE_S} seconds of silence")
    if rule.kind in WINDOWED and not 1 <= rule.window_s <= LONGEST_WINDOW_S:
        raise InvalidValue("window_s", f"expected a whole number of seconds from 1 to {LONGEST_WINDOW_S}")
    if not 0 <= rule.cooldown_s <= LONGEST_COOLDOWN_S:
        raise InvalidValue("cooldown_s", f"expected a whole number of seconds from 0 to {LONGEST_COOLDOWN_S}")
    _check_channels(rule)
    return rule


def _check_subject(rule: Rule) -> None:
    if rule.subject == ALL:
        return
    if rule.kind != RuleKind.STAGE:
        checked_symbol(rule.subject, "subject")
    elif rule.subject not in STAGES:
        raise InvalidValue("subject", f"expected {ALL} or a stage: {', '.join(STAGES)}")


def _check_channels(rule: Rule) -> None:
    if unknown := set(rule.channels) - set(CHANNELS):
        raise InvalidValue("channels", f"expected some of {', '.join(CHANNELS)}, got {min(unknown)!r}")
    if "webhook" in rule.channels and not rule.webhook_url:
        raise InvalidValue("webhook_url", "expected the address that the webhook goes to")
    if rule.webhook_url and not _URL.fullmatch(rule.webhook_url):
        raise InvalidValue(
            "webhook_url", "expected an address like https://example.com/hook, of at most 500 characters"
        )
    if "mail" in rule.channels and not rule.mail_to:
        raise InvalidValue("mail_to", "expected at least one address")
    if len(rule.mail_to) > 20 or not all(_MAIL.fullmatch(address) for address in rule.mail_to):
        raise InvalidValue("mail_to", "expected up to 20 addresses like name@example.com")


class State(StrEnum):
    OK = "ok"
    FIRING = "firing"
    CLEARING = "clearing"  # cleared; it may not fire again yet


class Happening(StrEnum):
    FIRED = "fired"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a rule stands with one subject. Times in ms since 1970; `at_ms` is that of the last change; `n` counts its firings."""

    state: State = State.OK
    fired_ms: int | None = None
    at_ms: int = 0
    n: int = 0


def judge(rule: Rule, standing: Standing, value: float, at_ms: int) -> tuple[Standing, Happening | None]:
    """One look. One that is not later than the last change is a repeat, and changes nothing."""
    if at_ms <= max(standing.at_ms, rule.since_ms):
        return standing, None
    if standing.state == State.FIRING:
        if rule.back(value):
            return Standing(State.CLEARING, standing.fired_ms, at_ms, standing.n), Happening.CLEARED
        return standing, None
    if standing.fired_ms is not None and at_ms < standing.fired_ms + rule.cooldown_s * 1000:
        return standing, None
    if rule.reached(value):
        return Standing(State.FIRING, at_ms, at_ms, standing.n + 1), Happening.FIRED
    if standing.state == State.CLEARING:
        return Standing(State.OK, standing.fired_ms, standing.at_ms, standing.n), None
    return standing, None


class NoticeState(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Notice:
    """One message about an alert over one channel. `due`: when it is to be tried next; None when it is done with."""

    happening: Happening
    channel: str
    state: NoticeState = NoticeState.PENDING
    attempts: int = 0
    due: datetime | None = None
    sent_at: datetime | None = None
    reason: str | None = None  # why the last try failed


@dataclass(frozen=True, slots=True)
class Alert:
    """One firing, as the history keeps it. (`rule_id`, `subject`, `n`) is its identity: no two can be the same firing."""

    rule_id: str
    rule_name: str
    kind: RuleKind
    subject: str
    n: int
    threshold: float
    value: float
    text: str
    fired_at: datetime
    cleared_at: datetime | None = None
    cleared_value: float | None = None
    cleared_text: str | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.rule_id}:{self.subject}:{self.n}"

    @property
    def symbol(self) -> str | None:
        return None if self.kind == RuleKind.STAGE else self.subject

    @property
    def standing(self) -> Standing:
        """Of its rule and subject, when it is their newest."""
        state = State.FIRING if self.cleared_at is None else State.CLEARING
        return Standing(state, to_ms(self.fired_at), to_ms(self.cleared_at or self.fired_at), self.n)


def notices(rule: Rule, happening: Happening, due: datetime) -> tuple[Notice, ...]:
    """What is to be sent over the rule's channels."""
    return tuple(Notice(happening, channel, due=due) for channel in rule.channels)


def cleared(alert: Alert, at: datetime, value: float | None, text: str, told: tuple[Notice, ...] = ()) -> Alert:
    """The alert as it is over; `value` is None where it was not looked at."""
    notices = alert.notices + told
    return replace(alert, cleared_at=at, cleared_value=value, cleared_text=text, notices=notices)


def message(alert: Alert, happening: Happening) -> dict[str, Any]:
    """What goes out, as JSON has it, over every channel the same."""
    cleared = happening == Happening.CLEARED
    at = alert.cleared_at if cleared else alert.fired_at
    return {
        "type": f"alert.{happening}",
        "alert": alert.id,
        "rule": alert.rule_name,
        "kind": alert.kind.value,
        "subject": alert.subject,
        "at": rfc3339(at or alert.fired_at),
        "fired_at": rfc3339(alert.fired_at),
        "threshold": alert.threshold,
        "value": alert.cleared_value if cleared else alert.value,
        "text": (alert.cleared_text if cleared else alert.text) or "",
    }


def words(rule: Rule, subject: str, value: float, happening: Happening, unit: str = "s") -> str:
    """What happened, in one sentence. `unit` is the window's."""
    fired = happening == Happening.FIRED
    limit = rule.threshold if fired else rule.clear_at
    limit_is = f"the limit is {limit:,g}" if fired else f"it clears at {limit:,g}"
    match rule.kind:
        case RuleKind.ABOVE | RuleKind.BELOW:
            side = "at or above" if fired == (rule.kind == RuleKind.ABOVE) else "at or below"
            return f"{subject} is at {value:,.2f}, {side} {limit:,.2f}"
        case RuleKind.RISE | RuleKind.FALL:
            verb = "rose" if rule.kind == RuleKind.RISE else "fell"
            return f"{subject} {verb if fired else f'{verb} only'} {value:.2f} % within {rule.window_s} {unit}; {limit_is} %"
        case RuleKind.VOLUME:
            return f"{subject}: {value:,.0f} shares within {rule.window_s} {unit}; {limit_is}"
        case RuleKind.SILENCE:
            return f"{subject}: no tick for {value:.0f} s; {limit_is} s" if fired else f"{subject} ticks again"
        case RuleKind.STAGE:
            return f"{subject} has been failing for {value:.0f} s" if fired else f"{subject} is not failing any more"
