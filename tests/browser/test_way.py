"""The way of the data: all stages with what they measure, and one that stops."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from pipeline.flow import STAGES
from tests.browser.views import is_live
from tests.support.outages import frozen, killed
from tests.support.servers import wait_until
from tests.support.system import System

RED_S = 5.0
WELL = "All eight stages are well."


def test_each_stage_of_the_flow_is_there_with_figures_that_it_measures(page: Page) -> None:
    page.goto("/way")
    expect(page.locator(".summary")).to_have_text(WELL, timeout=30_000)
    names = page.locator(".stage h3").all_inner_texts()
    assert names == [*(stage.name for stage in STAGES), "screen"]
    for stage in STAGES:
        card = page.locator(f".stage[data-stage={stage.name}]")
        expect(card.locator("dd").first).to_have_text(re.compile(r"\d"))
    for name in ("tick", "buffer", "forward", "show"):
        flow = page.locator(f".stage[data-stage={name}] dd").first
        expect(flow).to_have_text(re.compile(r"^[\d,.]+/s$"))
        assert float(flow.inner_text().removesuffix("/s").replace(",", "")) > 10


def test_the_workers_the_servers_and_who_holds_each_shard_are_listed(page: Page) -> None:
    page.goto("/way")
    parts = page.get_by_role("region", name="Processes and servers").get_by_role("rowheader")
    for name in ("redis", "mongodb", "ingest-1", "driver-1", "receiver-1", "monitor-1"):
        expect(parts.get_by_text(name, exact=True)).to_be_visible()
    leases = page.get_by_role("region", name="Leases of the shards").locator("tbody tr")
    expect(leases.first).to_contain_text("driver-1")
    expect(leases.first).to_contain_text("receiver-1")


@pytest.mark.parametrize(
    ("worker", "stages"), [("receiver-1", ("buffer", "forward")), ("driver-1", ("listen", "tick"))]
)
def test_a_worker_that_hangs_turns_its_stages_red_within_5_seconds_in_words(
    troubled_page: Page, system: System, worker: str, stages: tuple[str, str]
) -> None:
    page = troubled_page  # /health answers with 503 meanwhile, which the console tells
    page.goto("/way")
    is_live(page)
    expect(page.locator(".summary")).to_have_text(WELL, timeout=60_000)
    with frozen(system, worker):
        start = time.monotonic()
        for stage in stages:
            card = page.locator(f".stage[data-stage={stage}]")
            expect(card).to_have_attribute("data-health", "failing", timeout=RED_S * 1000)
            expect(card.locator(".message")).not_to_be_empty()
        took = time.monotonic() - start
        assert took < RED_S + 0.5, f"{took:.1f} s"
        expect(page.locator(".summary")).to_contain_text(f"{stages[0]} fails: ")
    expect(page.locator(".summary")).to_have_text(WELL, timeout=60_000)
    wait_until(system.flows, "all is well again", 60)


def test_a_killed_worker_turns_its_stages_red_within_5_seconds_and_they_are_well_again_by_themselves(
    troubled_page: Page, system: System
) -> None:
    page = troubled_page
    page.goto("/way")
    is_live(page)
    expect(page.locator(".summary")).to_have_text(WELL, timeout=60_000)
    with killed(system, "receiver-1"):
        expect(page.locator(".stage[data-stage=buffer]")).to_have_attribute(
            "data-health", "failing", timeout=RED_S * 1000
        )
        expect(page.locator(".link[data-health=failing]").first).to_be_visible()
    expect(page.locator(".summary")).to_have_text(WELL, timeout=60_000)
    wait_until(system.flows, "all is well again", 60)
