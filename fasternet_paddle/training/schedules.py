"""How the learning rate goes, step by step: warm-up, then a cosine or none.

    schedule = make_schedule(config, steps_per_epoch)
    schedule.rate_at(0)                            # where the warm-up begins

The notebook's cosine, without warm-up and down to 0, is Paddle's own ``CosineAnnealingDecay``, whose recurrence gives
other last bits than the formula.
"""

import math

import paddle


class Schedule(paddle.optimizer.lr.LRScheduler):
    """The learning rate as a function of the step t alone, of T in all (timm's ``CosineLRScheduler``, by steps).

    With W steps of warm-up: ``warmup + (rate - warmup) * t / W`` for t < W, then on a cosine that began at t = 0:
    ``floor + (rate - floor) * (1 + cos(pi * t / T)) / 2``, and ``floor`` from T on; or ``rate`` throughout.

    Args:
        learning_rate: the highest rate.
        steps: T.
        warmup_steps: W, below T.
        warmup_rate: where the warm-up begins.
        floor: where the cosine ends; None for a constant rate.
    """

    def __init__(self, learning_rate, steps, warmup_steps=0, warmup_rate=0.0, floor=0.0):
        self.T_max, self.warmup_steps, self.warmup_rate, self.floor = steps, warmup_steps, warmup_rate, floor
        super().__init__(learning_rate)

    def get_lr(self):
        """The rate of the step that comes next."""
        return self.rate_at(self.last_epoch)

    def rate_at(self, step):
        """The rate of a step, counted from 0."""
        if step < self.warmup_steps:
            return self.warmup_rate + (self.base_lr - self.warmup_rate) * step / self.warmup_steps
        if self.floor is None:
            return self.base_lr
        if step >= self.T_max:
            return self.floor
        return self.floor + (self.base_lr - self.floor) * (1 + math.cos(math.pi * step / self.T_max)) / 2


def make_schedule(config, steps_per_epoch):
    """The schedule of a ``TrainConfig``, for so many steps of the optimizer an epoch."""
    steps = steps_per_epoch * config.epochs
    if config.schedule == "cosine" and not config.warmup_epochs and not config.min_learning_rate:
        return paddle.optimizer.lr.CosineAnnealingDecay(config.learning_rate, T_max=steps)
    floor = config.min_learning_rate if config.schedule == "cosine" else None
    warmup_steps = round(config.warmup_epochs * steps_per_epoch)
    return Schedule(config.learning_rate, steps, warmup_steps, config.warmup_learning_rate, floor)


def rate_at(scheduler, step):
    """The rate of a schedule at a step, by its formula: what a run goes on with whose schedule has changed."""
    if isinstance(scheduler, Schedule):
        return scheduler.rate_at(step)
    return scheduler.base_lr * (1 + math.cos(math.pi * step / scheduler.T_max)) / 2
