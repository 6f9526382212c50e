"""An exponential moving average of the weights: often better than the weights themselves, for the same training.

ema = Ema(model, decay=0.999)
ema.update(model)                              # after each step of the optimizer
validate(ema.model, val_loader, criterion)
"""

import copy

import paddle


class Ema:
    """The average ``a <- a + (1 - d) * (w - a)`` of a network's weights and batch-norm statistics.

    The decay d rises to ``decay``: of the update number t, from 1 on, it is ``1 - t ** (-2 / 3)`` where that is less
    (timm's ``ModelEmaV3`` with ``use_warmup``). So the first update takes the weights as they are, and the random ones
    of the beginning leave no trace; what is equal, as frozen weights are, stays so to the bit.

    Attributes:
        model: a network of its own with the averages, in eval mode.
        updates: how many there were.
    """

    POWER = 2 / 3

    def __init__(self, model, decay):
        self.decay, self.updates = decay, 0
        self.model = copy.deepcopy(model)
        self.model.eval()

    def decay_at(self, update):
        """d of an update, counted from 1."""
        return min(self.decay, 1 - update**-self.POWER)

    @paddle.no_grad()
    def update(self, model):
        """Take the weights of ``model`` into the average."""
        self.updates += 1
        decay = self.decay_at(self.updates)
        for average, value in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            average.set_value(average + (1 - decay) * (value - average))
