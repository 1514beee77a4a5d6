"""What a page's console and its network say that nobody should have to read."""

from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, Response

_LEFT = "net::ERR_ABORTED"  # the page was left before the answer came
_UNWELL = 503


def _is_of_health(url: str) -> bool:
    return urlsplit(url).path == "/health"


class Complaints:
    """Errors and warnings on the console (what breaks the security policy is told there too), exceptions, requests that failed
    or were refused; from now on. Not that /health says 503: a part is unwell for a moment then, which the way is to show."""

    def __init__(self, page: Page) -> None:
        self.found: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.found.append(f"exception: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _is_of_health(str(message.location.get("url"))):
            self.found.append(f"console: {message.text} ({message.location.get('url')})")

    def _failed(self, request: Request) -> None:
        if request.failure != _LEFT:
            self.found.append(f"{request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and not (_is_of_health(response.url) and response.status == _UNWELL):
            self.found.append(f"{response.request.method} {response.url}: {response.status}")
