"""The fastest way that this machine and its packages offer, found by a race and kept: the engine "auto".

    run = Auto(entrants, cache_dir)
    run.ready(32, 224, 224, 48)  # a race of at most 15 s, once a machine, network, kind of batch and precision
    run(x, 48)                   # logits, by what won for batches like this one, at most 48 images at a time

Kinds of batches that come now and then (the last of an epoch) take the plan of the nearest kind that has one. A race
never changes the precision; every plan is tried in a child process and held to the model's answers before it may win.
"""

import collections
import dataclasses
import sys
import threading

import numpy as np

from ..errors import FasterNetError
from .field import kind_of, machine_key, opened_plans, told_of, with_parts
from .notes import Notes, key_of
from .plans import Plan, cut
from .race import Lane, race
from .trial import differs, try_plans

FORMAT = 2  # of a note; another number makes all races run again
SECONDS = 15.0  # of measuring
PATIENCE = 3  # calls with a kind of batch that has no plan, after which it has a race of its own
NEAR = 1  # doublings of the batch, halves of them of the side: kinds that share a plan
DISTINCT = 4  # images of a race; they are repeated, since the model itself, which answers them first, is slow


class Auto:
    """Runs each kind of batch as a race has found fastest.

    Args:
        entrants: ``Entrants``.
        cache_dir: where choices are kept; by default ``files.cache.cache_root()``.
    """

    def __init__(self, entrants, cache_dir=None):
        self.entrants = entrants
        self.cache_dir = cache_dir
        self._opened, self._plans, self._rates, self._asked = {}, {}, {}, collections.Counter()
        self._lock = threading.RLock()
        self._latest = None
        self._open(entrants.base())

    def __call__(self, x, most=None):
        plan = self._plan(len(x), *x.shape[2:], most) if len(x) else self.entrants.base()
        return self._opened[plan.opened()](x, most, plan)

    def unraced(self, x):
        """Logits of ``x`` by what is there without a race."""
        return self._opened[self.entrants.base().opened()](x)

    def ready(self, count, height, width, most=None):
        """Choose now for batches of ``count`` images of this size, by a race, if none was run before; its rates.

        Args:
            most: images of this size that fit into memory at a time; by default any number.
        """
        kind = kind_of(count, height, width)
        with self._lock:
            if (
                kind not in self._rates
                and (plan := self._chosen(kind, count, height, width, most, now=True)) is not None
            ):
                self._plans[kind] = plan
            self._latest = self._plan(count, height, width, most)
            return self._rates.get(kind, {})

    @property
    def name(self):
        """Of the network in the cache."""
        return self._runner().name

    @property
    def precision(self):
        """That is computed in."""
        return self._runner().precision

    @property
    def threads(self):
        """Of the kernels, all streams of the plan that was chosen last together."""
        return self._runner().threads

    def describe(self):
        """One line: what was chosen last."""
        plan = self._latest
        described = self._runner().describe()
        if plan is not None and plan.part is not None:
            described += f", parts of {plan.part}"
        return f"auto: {described}"

    def _runner(self):
        return self._opened[(self._latest or self.entrants.base()).opened()]

    def _open(self, plan):
        if plan.opened() not in self._opened:
            self._opened[plan.opened()] = self.entrants.open(plan.opened())
        return self._opened[plan.opened()]

    def _plan(self, count, height, width, most):
        kind = kind_of(count, height, width)
        if kind in self._plans:  # without the lock, which a forked process may have inherited
            return self._plans[kind]
        with self._lock:
            if kind not in self._plans:
                plan = self._chosen(kind, count, height, width, most)
                if plan is None and not self._near(kind):
                    return self._nearest(kind)
                self._plans[kind] = self._latest = plan or self._nearest(kind)
            return self._plans[kind]

    def _nearest(self, kind):
        """The plan of the kind that is most like this one."""
        if not self._plans:
            return self.entrants.base()
        return self._plans[min(self._plans, key=lambda known: abs(known[0] - kind[0]) + abs(known[1] - kind[1]))]

    def _near(self, kind):
        """Whether a kind that has a plan is so much like this one that it shares it."""
        return any(max(abs(known[0] - kind[0]), abs(known[1] - kind[1])) <= NEAR for known in self._plans)

    def _chosen(self, kind, count, height, width, most, now=False):
        """The plan for a kind of batch: what a note says, else who wins; None where there is no race, or not yet."""
        if self.entrants.lone():
            return None
        base = self.entrants.base()
        notes = Notes(self.cache_dir)
        key = key_of(FORMAT, *machine_key(), self.entrants.key(), self.entrants.precision, base.threads, *kind)
        if (plan := self._noted(kind, notes.read(key))) is not None:
            return plan
        self._asked[kind] += 1
        if not now and self._plans and (self._near(kind) or self._asked[kind] < PATIENCE):
            return None
        with notes.held(key):
            if (plan := self._noted(kind, notes.read(key))) is not None:  # another process has raced meanwhile
                return plan
            note = self._race(count, height, width, most)
            kept = self._noted(kind, notes.write(key, note, anew=notes.read(key) is not None))
        return kept or base

    def _noted(self, kind, note):
        """The plan of a note, opened; None where there is none, or it does not open any more."""
        try:
            plan = Plan(**{**note["plan"], "precision": self.entrants.precision})
            if plan.engine not in self.entrants.engines:
                return None
            self._open(plan)
            self._rates[kind] = {str(name): float(rate) for name, rate in note["rates"].items()}
        except (FasterNetError, TypeError, KeyError, ValueError, AttributeError):
            return None
        return plan

    def _race(self, count, height, width, most):
        """The note on a race: the plan that won, the rate of each, why others were left out. It prints a line."""
        told = f"auto: measuring for at most {SECONDS:.0f} s what is fastest for {count} images of {width} x {height}"
        print(f"{told}, {self.entrants.precision}", file=sys.stderr, flush=True)
        x = self.entrants.probe(min(count, DISTINCT), height, width)
        wanted = self.entrants.reference(x)
        plans, out = self._sound(x, wanted, count)
        lanes = []
        for plan in (one for opened in plans for one in with_parts(opened, count, most)):
            images = min(count, plan.streams * max(part.stop - part.start for part in cut(count, plan, most)))
            batch = np.ascontiguousarray(np.resize(x, (images, *x.shape[1:])))
            lanes.append(Lane(plan, _call(self._opened[plan.opened()], plan, batch), images, plan.engine))

        def check(lane, answer):
            right = np.resize(wanted, (lane.images, wanted.shape[1]))
            return differs(answer, right, self.entrants.bound)

        standing = race(lanes, SECONDS, check)
        out |= {lane.name.describe(): lane.out for lane in standing if lane.out}
        standing = [lane for lane in standing if not lane.out]
        winner = standing[0].name if standing else self.entrants.base()
        rates = {lane.name.describe(): round(lane.rate, 1) for lane in standing}
        for plan in [plan for plan in self._opened if plan not in (winner.opened(), self.entrants.base())]:
            if plan not in [known.opened() for known in self._plans.values()]:
                del self._opened[plan]  # the losers' memory
        print(f"auto: {told_of(standing, out)}", file=sys.stderr, flush=True)
        return {"plan": dataclasses.asdict(winner), "rates": rates, "out": out}

    def _sound(self, x, wanted, count):
        """(plans for so many images that open and answer as the model does, {plan or engine: why it is left out})."""
        plans, out = [self.entrants.base()], dict(self.entrants.reasons)
        for engine in self.entrants.engines:
            if engine == "paddle":  # which is open
                continue
            ways = opened_plans(engine, self.entrants.precision, self.entrants.base().threads)
            ways = [plan for plan in ways if any(with_parts(plan, count))]
            try:
                folder = self.entrants.folder(engine)
            except Exception as error:  # whatever a converter raises
                out[engine] = f"{error}".splitlines()[0][:200] or type(error).__name__
                continue
            for plan, reason in try_plans(folder, ways, x, wanted, self.entrants.bound, self.entrants.load).items():
                if reason is None:
                    try:
                        self._open(plan)
                    except FasterNetError as error:
                        reason = str(error)
                if reason is not None:
                    out[plan.describe()] = reason
                elif plan not in plans:
                    plans.append(plan)
        return plans, out

    def __getstate__(self):
        """The networks that are open travel along; there they are used as they were chosen here, without a race."""
        return {"entrants": self.entrants.settled(), "_opened": self._opened, "_plans": self._plans}

    def __setstate__(self, state):
        vars(self).update(state)
        self._rates = {}
        self.cache_dir, self._asked, self._lock = None, collections.Counter(), threading.RLock()
        self._latest = next(iter(self._plans.values()), None)


def _call(compiled, plan, batch):
    return lambda: compiled(batch, None, plan)
