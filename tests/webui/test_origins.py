"""Who may follow the live channel from a container's network."""

from typing import Any

from webui.origins import may_read


def test_a_program_may_read_from_elsewhere_only_where_that_is_opened_and_a_foreign_page_never(settings: Any) -> None:
    gateway = "172.18.0.1"
    assert not may_read([], gateway)
    settings.OPEN_LIVE = True
    assert may_read([], gateway)
    assert not may_read(["https://evil.example"], gateway)
