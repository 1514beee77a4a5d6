"""What a system that others can reach must be set to: with TICKERLINE_PRODUCTION=1, nothing of the web starts otherwise."""

from pipeline.domain.errors import SettingsError
from pipeline.settings import Values

SECRET_LENGTH, SECRET_VARIETY = 50, 5  # characters, different ones
TOKEN_LENGTH = 32
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")


def allowed_hosts(values: Values) -> list[str]:
    """The names that the web answers to. Loopback's are among them always: this machine's own probes ask by those."""
    given = [host.strip() for host in values.text("TICKERLINE_ALLOWED_HOSTS").split(",")]
    return list(dict.fromkeys([*filter(None, given), *LOOPBACK_HOSTS]))


def behind_tls(values: Values) -> bool:
    return values.flag("TICKERLINE_TLS") or values.flag("TICKERLINE_PRODUCTION")


def check_production(values: Values) -> None:
    """Raises SettingsError, naming all that is wrong and no secret; without TICKERLINE_PRODUCTION=1 never.

    A secret key need not be given: commands have none; the web refuses to serve without (webui/asgi.py).
    """
    if not values.flag("TICKERLINE_PRODUCTION"):
        return
    wrong = []
    if values.flag("TICKERLINE_OPEN_FETCH"):
        wrong.append("TICKERLINE_OPEN_FETCH: expected 0, anybody could use up the quota")
    if values.flag("TICKERLINE_DEBUG"):
        wrong.append("TICKERLINE_DEBUG: expected 0, its pages show settings and code")
    key = values.text("TICKERLINE_SECRET_KEY")
    if key and (len(key) < SECRET_LENGTH or len(set(key)) < SECRET_VARIETY):
        wrong.append(
            f"TICKERLINE_SECRET_KEY: expected at least {SECRET_LENGTH} characters, {SECRET_VARIETY} different ones"
        )
    token = values.text("TICKERLINE_API_TOKEN")
    if token and len(token) < TOKEN_LENGTH:
        wrong.append(f"TICKERLINE_API_TOKEN: expected at least {TOKEN_LENGTH} characters, or none")
    hosts = allowed_hosts(values)
    if "*" in hosts:
        wrong.append("TICKERLINE_ALLOWED_HOSTS: expected names, not *")
    elif all(host in LOOPBACK_HOSTS or host.startswith("127.") for host in hosts):
        wrong.append("TICKERLINE_ALLOWED_HOSTS: expected the name by which people reach this, not loopback alone")
    if wrong:
        raise SettingsError("; ".join(["TICKERLINE_PRODUCTION=1", *wrong]))
