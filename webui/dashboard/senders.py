"""Who sends frames, and what of theirs did not arrive: each numbers its own."""

MOST = 64  # senders that are known at a time; every start of a process that publishes may be another one


class _Sender:
    def __init__(self, n: int) -> None:
        self.n = n
        self.unsaid: dict[str, int] = {}  # by the type of its frames: those that are lost and were not told of yet


class Senders:
    def __init__(self) -> None:
        self._known: dict[str, _Sender] = {}  # who sent last is last

    def missing(self, monitor: str, n: int, kind: str) -> tuple[int, int]:
        """How many frames this one shows to be lost; and how many it has to tell of.

        Which type a lost frame had is not known, so the next of each of the sender's types tells of it. A number that is not
        higher is that of a sender that was started anew.
        """
        sender = self._known.pop(monitor, None) or _Sender(n - 1)
        self._known[monitor] = sender
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        lost, sender.n = max(0, n - sender.n - 1), n
        unsaid = {one: count + lost for one, count in {kind: 0, **sender.unsaid}.items()}
        sender.unsaid = {**unsaid, kind: 0}
        return lost, unsaid[kind]
