"""A clock that stands in for ``time`` where something is timed."""


class Clock:
    """Time that passes only where a test says so; ``perf_counter`` shows it."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now

    def passes(self, seconds):
        self.now += seconds
