"""What stops `up`, `down` or `status`, in words for the one who typed it."""

from pipeline.domain.errors import TickerlineError


class ConsoleError(TickerlineError):
    """The command cannot go on; the message says why and what helps."""
