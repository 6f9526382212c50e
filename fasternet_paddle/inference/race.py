"""Which of several ways is the fastest: all are measured a little, the faster half of them twice as long, and so on.

    lanes = [Lane("paddle", run, images=8), Lane("openvino", other, images=8)]
    standing = race(lanes, seconds=15.0)                 # the fastest first; lane.rate, or why it is out: lane.out

Successive halving (Jamieson and Talwalkar 2016, algorithm 1). A way counts by its median, so that a disturbance now and
then decides nothing, and ways take turns, so that a machine that slows down slows all of them.
"""

import math
import time
from dataclasses import dataclass, field
from statistics import median

HOPELESS = 4.0  # times as slow as the fastest at its first call: not called again
CALLS = 20  # of a way in one round: a small network's race ends earlier,
LEAST = 0.25  # but not before so many seconds times the round's number, from 0: a quick way's calls share a disturbance
MOST = 1000  # calls of a way in one round, whatever the clock says
FIRST_ROUND = 0.6  # of the time, at most; where it does not do for all ways, those with the largest parts are left out
SETTLE = 0.25  # seconds between engines: OpenMP's threads wait for work in a busy loop for 0.2 s (KMP_BLOCKTIME)


@dataclass
class Lane:
    """One way."""

    name: object
    call: object
    """Function without arguments; what it returns goes to ``check``."""
    images: int
    """That a call answers."""
    engine: str = ""
    """Ways of one engine are measured one after the other."""
    times: list = field(default_factory=list)
    """Seconds of each timed call."""
    out: str | None = None
    """Why it is left out."""

    @property
    def seconds(self):
        """An image, by the median; infinite where it is out or unmeasured."""
        return math.inf if self.out or not self.times else median(self.times) / self.images

    @property
    def rate(self):
        """Images/s; 0 where it is out."""
        return 1 / self.seconds if self.seconds < math.inf else 0.0


def race(lanes, seconds, check=None, clock=time.perf_counter):
    """Measure ``lanes`` for at most ``seconds`` together, waiting between engines apart.

    Args:
        lanes: list of ``Lane``; they are changed.
        seconds: of all calls, those that warm up included. No call is begun that would, as far as is known, end later.
        check: function of (lane, what its first call returned) to a reason to leave it out, or None.
        clock: for tests.

    Returns:
        The lanes, the fastest first; those that are out come last.
    """
    spent, best = 0.0, math.inf  # seconds so far; an image's, of the fastest first call
    lanes = sorted(lanes, key=lambda lane: (lane.images, lane.engine))
    racing, rounds = list(lanes), max(1, math.ceil(math.log2(len(lanes) or 1)))

    def timed(lane):
        nonlocal spent
        start = clock()
        answer = lane.call()
        spent += (taken := clock() - start)
        return taken, answer

    for number in range(rounds):
        limit = seconds if number or len(racing) == 1 else FIRST_ROUND * seconds
        share = (seconds - spent) / (rounds - number) / max(1, len(racing))
        engine = racing[0].engine if racing else ""
        for lane in racing:
            if lane.engine != engine:
                engine = lane.engine
                time.sleep(SETTLE)
            known = min(lane.seconds, best)
            if spent and spent + (0.0 if known == math.inf else known * lane.images) > limit:
                lane.out = lane.out if lane.times else f"no time was left of {seconds:g} s"
                continue
            try:
                taken, answer = timed(lane)
                if not number:
                    lane.out = check(lane, answer) if check else None
                    best = min(best, taken / lane.images) if lane.out is None else best
                    if lane.out is None and taken / lane.images > HOPELESS * best:
                        lane.times.append(taken)
                        continue
                if lane.out is None:
                    lane.times += _calls(
                        lambda lane=lane: timed(lane)[0], taken, share, seconds - spent, LEAST * number
                    )
                    lane.times = lane.times or [taken]
            except Exception as error:  # whatever an engine raises
                lane.out = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        racing = sorted((lane for lane in racing if not lane.out), key=lambda lane: lane.seconds)
        racing = sorted(racing[: -(-len(racing) // 2)], key=lambda lane: (lane.engine, lane.images))
        if len(racing) <= 1:
            break
    # Who stayed longest comes first: its median is of more calls than those that left earlier.
    return sorted(lanes, key=lambda lane: (lane not in racing, lane.seconds))


def _calls(timed, last, share, left, least):
    """Seconds of each call that fits into a way's share of a round and into what is left of the race."""
    times, used = [], 0.0
    while len(times) < (MOST if used < least else CALLS) and (not used or used + last < share) and used + last <= left:
        last = timed()
        times.append(last)
        used += last
    return times
