"""The operator's desk: what everybody sees, and what who has signed in can do, to the stream itself."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.views import DESK, is_filled, is_live
from tests.support.servers import wait_until
from tests.support.system import System, call


def opened(page: Page) -> None:
    page.goto(DESK.path)
    is_live(page)
    is_filled(page, DESK)


def stream(system: System) -> dict[str, Any]:
    _, found = call(f"{system.url('api')}/api/v1/stream")
    return dict(found)


def test_who_has_not_signed_in_sees_the_stream_and_has_no_controls(page: Page) -> None:
    opened(page)
    panel = page.get_by_role("region", name="Stream")
    expect(panel.locator(".pill")).to_have_text("playing")
    for name in ("Pause", "Stop", "Seek", "Set the speed", "Start a session"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Start the back-fill")).to_have_count(0)


def test_pause_holds_the_ticks_and_resume_lets_them_go_on(staff_page: Page, system: System) -> None:
    page = staff_page
    opened(page)
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator(".stream .result").first).to_contain_text("Paused.")
    wait_until(lambda: stream(system)["state"] == "paused", "the stream is paused")
    expect(page.locator(".stream .pill").first).to_have_text("paused")
    page.get_by_role("button", name="Resume", exact=True).click()
    wait_until(lambda: stream(system)["state"] == "playing", "the stream plays")
    expect(page.locator(".stream .pill").first).to_have_text("playing")
    is_live(page)


def test_a_speed_is_set_and_set_back(staff_page: Page, system: System) -> None:
    page = staff_page
    opened(page)
    for speed in (5, 1):
        page.get_by_role("button", name=f"{speed}×", exact=True).click()
        page.get_by_role("button", name="Set the speed").click()
        expect(page.locator(".stream form .result").nth(1)).to_contain_text(f"It plays at {speed} times.")
        wait_until(lambda speed=speed: stream(system)["speed"] == speed, f"it plays at {speed} times")  # type: ignore[misc]


def test_a_speed_beyond_the_limits_is_refused_at_its_field(troubled_staff_page: Page, system: System) -> None:
    page = troubled_staff_page
    opened(page)
    page.get_by_role("spinbutton", name="Times").first.fill("5000")
    page.get_by_role("button", name="Set the speed").click()
    field = page.get_by_role("spinbutton", name="Times").first
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    assert stream(system)["speed"] == 1


def test_a_seek_goes_to_the_day(staff_page: Page, system: System) -> None:
    page = staff_page
    opened(page)
    field = page.get_by_label("Go to day")
    expect(field).to_have_attribute("min", re.compile(r"\d"))
    day = str(field.get_attribute("min"))
    field.fill(day)
    page.get_by_role("button", name="Seek", exact=True).click()
    expect(page.locator(".stream form .result").first).to_contain_text("It goes on at")
    wait_until(lambda: any(order["kind"] == "seek" for order in stream(system)["orders"]), "the order is noted")


def test_a_stop_is_asked_about_and_a_no_changes_nothing(staff_page: Page, system: System) -> None:
    page = staff_page
    opened(page)
    page.get_by_role("button", name="Stop", exact=True).click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("Stop the stream?")
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_be_hidden()
    assert stream(system)["state"] == "playing"


def test_another_session_is_started_after_a_question(staff_page: Page, system: System) -> None:
    page = staff_page
    before = stream(system)["session"]
    opened(page)
    page.get_by_text("Start another session").click()
    page.get_by_role("button", name="Start a session").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("Start another session?")
    question.get_by_role("button", name="Start it").click()
    wait_until(lambda: stream(system)["session"] != before, "another session is open")
    expect(page.locator(".stream .pill").first).to_have_text("playing")
    is_live(page)


def test_symbols_are_fetched_and_followed_to_the_end(staff_page: Page) -> None:
    page = staff_page
    opened(page)
    page.get_by_role("region", name="Fetch symbols").get_by_label("Symbols").fill("tsla")
    page.get_by_role("button", name="Fetch", exact=True).click()
    line = page.locator(".desk .fetches li").filter(has_text="TSLA")
    expect(line.locator(".pill")).to_have_text("succeeded", timeout=60_000)
    expect(line).to_contain_text("new")


def test_what_is_no_symbol_is_refused_by_name(troubled_staff_page: Page) -> None:
    page = troubled_staff_page
    opened(page)
    page.get_by_role("region", name="Fetch symbols").get_by_label("Symbols").fill("AAPL $$$")
    page.get_by_role("button", name="Fetch", exact=True).click()
    expect(page.locator(".fetching .error").first).to_contain_text("$$$")


def test_a_back_fill_is_started_after_a_question_and_listed(staff_page: Page) -> None:
    page = staff_page
    opened(page)
    panel = page.get_by_role("region", name="Back-fill")
    panel.get_by_label("Symbols").fill("AAPL")
    panel.get_by_label("Since").fill("2026-06-01")
    panel.get_by_role("button", name="Start the back-fill").click()
    page.get_by_role("dialog").get_by_role("button", name="Start", exact=True).click()
    job = panel.locator(".jobs li").filter(has_text="AAPL").first
    expect(job).to_contain_text("finished", timeout=60_000)
