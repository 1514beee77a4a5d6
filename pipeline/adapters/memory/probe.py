"""A system that answers, or does not."""

from pipeline.domain.errors import Unavailable


class MemoryProbe:
    def __init__(self, words: str = "answers") -> None:
        self.words, self.away = words, False

    def ask(self, timeout_s: float) -> str:
        if self.away:
            raise Unavailable("does not answer")
        return self.words
