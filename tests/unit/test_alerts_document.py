"""What docs/alerts.md says about webhooks is what is sent: its ten lines verify a signature of ours."""

import re
import time
from typing import Any

from pipeline.domain.alerts import RuleKind
from pipeline.domain.delivery import signature
from tests.support.servers import ROOT

TEXT = (ROOT / "docs" / "alerts.md").read_text()
SECRET, BODY = "a secret of sixteen characters", b'{"type": "alert.fired"}'


def genuine() -> Any:
    [code] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102
    return names["genuine"]


def test_the_documented_check_takes_what_is_signed_and_nothing_else() -> None:
    check, now = genuine(), int(time.time())
    assert check(SECRET, signature(SECRET, BODY, now), BODY)
    assert not check(SECRET, signature(SECRET, BODY, now), BODY + b" ")
    assert not check(SECRET, signature("another secret of ours", BODY, now), BODY)
    assert not check(SECRET, signature(SECRET, BODY, now - 301), BODY)


def test_every_kind_of_rule_is_documented() -> None:
    assert [kind for kind in RuleKind if f"`{kind}`" not in TEXT] == []
