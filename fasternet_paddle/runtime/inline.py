"""A figure of pyplot's inline backend that a notebook shows once, whoever asks first."""

import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib._pylab_helpers import Gcf  # as the inline backend does: pyplot's own functions would choose a figure
from matplotlib.figure import Figure


class InlineFigure(Figure):
    """A figure that is shown once: as a cell's result, or with pyplot's others at the cell's end or ``plt.show()``."""

    def _repr_mimebundle_(self, include=None, exclude=None):
        """Called before each showing; it adds nothing to what matplotlib's formatters make of the figure."""
        waiting = [manager.canvas.figure for manager in Gcf.get_all_fig_managers()]
        if self in waiting:
            plt.close(self)
            for figure in waiting[: waiting.index(self)]:
                if isinstance(figure, InlineFigure):  # in the order in which they were made
                    display(figure)
        return {}
