"""How far sharing a batch carries: an estimate on paper from the time of a step and the size of its message.

    rows(rate=25.0)                # T0's training rate of one process here, images/s

Every worker computes its own images of a batch; then the gradient, a float32 a parameter, is summed in a ring:
2 (n - 1) / n times its size over the slowest link, in 2 (n - 1) messages, while nobody computes. What is left of n
times the rate of one is the efficiency step / (step + message).
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from .paper import PAPER_COST, PAPER_SPEED

FORWARD_SHARE = 1 / 3  # a training step is about three forward passes
WORKERS = (2, 4, 8, 16, 32, 64, 128)


class Link(NamedTuple):
    """Between two neighbours of the ring."""

    name: str
    bytes_a_second: float
    seconds_a_message: float


class Worker(NamedTuple):
    """What computes the images of one process."""

    name: str
    batch: int
    """Images of each."""
    networks: tuple
    """(name in the paper, images/s in training)"""


LINKS = (
    Link("1 Gb/s Ethernet", 0.125e9, 50e-6),
    Link("10 Gb/s Ethernet", 1.25e9, 20e-6),
    Link("100 Gb/s", 12.5e9, 5e-6),
)
HEADER = ("worker", "network", "link", *(f"{count} workers" for count in WORKERS))
ASSUMPTIONS = (
    "an estimate, no measurement: workers with a batch of their own (16 images a core, 128 a card), no overlap of "
    "messages and work, loading left out; a card trains at a third of the paper's inference rates (2080 Ti), a core "
    "at T0's rate here, with L slower as its FLOPs are more"
)


def rate_of_one(results):
    """Images/s of one process of one thread, from the results of ``scaling``; None where it was not measured."""
    for (way, settings), rounds in results.items():
        if way == "1 process" and "OMP_NUM_THREADS=1" in settings.split():
            return float(np.median([next(iter(result["rates"].values())) for result in rounds]))
    return None


def workers(rate):
    """``Worker``s: a core of this machine, where ``rate`` is T0's images/s, and the paper's card."""
    names = "FasterNet-T0", "FasterNet-L"
    slower = PAPER_COST[names[0]][1] / PAPER_COST[names[1]][1]
    card = Worker("card", 128, tuple((name, PAPER_SPEED[name][2] * FORWARD_SHARE) for name in names))
    if rate is None:
        return (card,)
    return Worker("core", 16, ((names[0], rate), (names[1], rate * slower))), card


def efficiency(count, step, parameters, link):
    """Share of ``count`` times the rate of one worker that is left, 0 to 1.

    Args:
        count: workers.
        step: seconds of a step of one.
        parameters: of the network.
        link: ``Link``.
    """
    message = 2 * (count - 1) / count * 4 * parameters / link.bytes_a_second
    return step / (step + message + 2 * (count - 1) * link.seconds_a_message)


def curves(rate):
    """Yields (worker, network, link's name, efficiencies at ``WORKERS``)."""
    for worker in workers(rate):
        for network, images in worker.networks:
            parameters = PAPER_COST[network][0] * 1e6
            for link in LINKS:
                yield (
                    worker.name,
                    network,
                    link.name,
                    [efficiency(count, worker.batch / images, parameters, link) for count in WORKERS],
                )


def rows(rate):
    """Rows of text for a table: efficiencies in percent."""
    return [(*names, *(f"{100 * value:.0f} %" for value in values)) for *names, values in curves(rate)]


def draw(rate):
    """Figure: how many times faster than one worker, a panel a kind of worker."""
    kinds = [worker.name for worker in workers(rate)]
    page = Figure(figsize=(5.4 * len(kinds), 4.4), layout="constrained")
    panels = dict(zip(kinds, page.subplots(1, len(kinds), squeeze=False)[0], strict=True))
    for kind, network, link, values in curves(rate):
        style = "-" if network.endswith("T0") else "--"
        colour = f"tab:{('red', 'orange', 'green')[[one.name for one in LINKS].index(link)]}"
        panels[kind].plot(WORKERS, np.multiply(WORKERS, values), style, color=colour, label=f"{network}, {link}")
    for kind, axes in panels.items():
        axes.plot(WORKERS, WORKERS, ":", color="gray", label="no messages")
        axes.set(xscale="log", yscale="log", xlabel=f"{kind}s that share a batch", ylabel="times one, estimated")
        axes.set_xticks(WORKERS, WORKERS)
        axes.set_yticks(WORKERS, WORKERS)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return page
