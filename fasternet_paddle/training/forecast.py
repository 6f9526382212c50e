"""How long a run will take, said once, after its first steps were timed."""

import time

from .batches import steps_of

FORECAST_STEPS = 3  # steps timed, after a first one that warms up, before the run's length is foretold
FORECAST_FROM = 120  # seconds; a shorter run needs no warning


class Forecast:
    """Called after each step; times a few and says once how long an epoch and the whole run will take here."""

    def __init__(self, train_loader, val_loader, epochs, accumulate=1):
        train, val = steps_of(train_loader), steps_of(val_loader)
        # a forward pass is a third of a training step, which takes ``accumulate`` batches
        self.steps_per_epoch = None if None in (train, val) else (train + val / 3) / accumulate
        self.epochs = epochs
        self.steps = 0

    def __call__(self):
        self.steps += 1
        if self.steps == 1:
            self.began = time.perf_counter()
        elif self.steps == 1 + FORECAST_STEPS and self.steps_per_epoch is not None:
            an_epoch = (time.perf_counter() - self.began) / FORECAST_STEPS * self.steps_per_epoch
            if an_epoch * self.epochs >= FORECAST_FROM:
                print(
                    f"On this machine an epoch takes about {duration(an_epoch)} and the whole run of {self.epochs} "
                    f"about {duration(an_epoch * self.epochs)}.",
                    flush=True,
                )


class Rate:
    """How fast a run goes, from the moment that it is made: ``progress`` is the run's."""

    def __init__(self, progress, batch_size):
        self.progress, self.batch_size = progress, batch_size
        self.steps, self.began = progress.steps, time.perf_counter()

    def described(self):
        """What a report says about it, by name; nothing before the first step."""
        steps, seconds = self.progress.steps - self.steps, time.perf_counter() - self.began
        if not steps:
            return {}
        rate = steps * self.batch_size / seconds
        return {"training": f"{rate:.1f} images/s (validation included; {duration(seconds)} in all)"}


def duration(seconds):
    """A length of time to read: "45 s", "12 min", "3.4 h", "2.1 days"."""
    for unit, size, below in (("s", 1, 90), ("min", 60, 90 * 60), ("h", 3600, 48 * 3600)):
        if seconds < below:
            return f"{seconds / size:.0f} {unit}" if size < 3600 else f"{seconds / size:.1f} {unit}"
    return f"{seconds / 86400:.1f} days"
