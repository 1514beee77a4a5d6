"""Hosts as whoever makes it names them."""

from collections.abc import Callable, Sequence

from pipeline.domain.hosts import Host


class MemoryHostList:
    def __init__(self, hosts: Callable[[], Sequence[Host]] = tuple) -> None:
        self.hosts = hosts
