"""The contact sheet shows each picture once, with its name and classes; its size is bounded."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.results import sheet
from fasternet_paddle.results.predictions import Prediction


def prediction(number):
    return Prediction(f"photos/{number}$x$.png", ("火箭", "b", "c", "d"), np.float32([0.5, 0.25, 0.125, 0.125]))


def grey(path):
    number = int(path.split("/")[1].split("$")[0])
    if number == 1:
        raise FasterNetError("gone")
    return np.full((20, 30, 3), 10 + number, np.uint8)


def test_pictures_in_order_with_their_classes():
    figure = sheet.plot_contact_sheet([prediction(number) for number in range(8)], grey)
    FigureCanvasAgg(figure).draw()
    assert len(figure.axes) == 12  # two rows of six
    for number, ax in enumerate(figure.axes[:8]):
        assert ax.get_title() == f"{number}$x$.png\n火箭 50.0%\nb 25.0%\nc 12.5%" or "□" in ax.get_title()
        if number == 1:
            assert not ax.images and ax.texts[0].get_text() == "gone"
        else:
            shown = ax.images[0].get_array()
            assert shown.shape == (30, 30, 3) and shown[15, 15, 0] == 10 + number and shown[0, 0, 0] == 255
    assert not any(ax.images or ax.get_title() for ax in figure.axes[8:])
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., 0]
    assert all(((drawn == 10 + number).sum() > 1000) == (number != 1) for number in range(8))


def test_its_size_is_bounded():
    figure = sheet.plot_contact_sheet([prediction(0)] * 500, grey)
    assert sum(bool(ax.images) for ax in figure.axes) == sheet.MOST
    with pytest.raises(FasterNetError, match="at least one picture"):
        sheet.plot_contact_sheet([], grey)
