"""The web processes' own metrics, all declared here; GET /metrics shows them in Prometheus' text format."""

from prometheus_client import Counter, Gauge

REQUESTS = Counter("tickerline_web_requests", "HTTP requests answered.", ["method", "route", "status"])
REPLIES = Counter(
    "tickerline_web_replies", "Answers that may be kept: found kept, made, or made while Redis was away.", ["result"]
)
LIMITED = Counter(
    "tickerline_web_rate_limits", "Turns of clients: given, refused, or unknown while Redis was away.", ["result"]
)
LIVE_CLIENTS = Gauge("tickerline_web_live_clients", "Open connections to /ws/live.")
LIVE_FRAMES = Counter("tickerline_web_live_frames", "Frames received from the live channel.")
LIVE_MALFORMED = Counter("tickerline_web_live_malformed", "Frames of the live channel that were dropped as malformed.")
LIVE_FOLDED = Counter("tickerline_web_live_folded", "Frames folded into a newer one because a client was slow.")
LIVE_LOST = Counter(
    "tickerline_web_live_lost", "Frames that the numbers of their sender show to be lost on the live channel."
)
LIVE_STUCK = Counter(
    "tickerline_web_live_stuck", "Connections to /ws/live that were closed since they took no frame for 30 s."
)
