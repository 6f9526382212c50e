"""Figures are tried before the work, with the user's settings and, where these forbid it, with matplotlib's."""

import io

import matplotlib
import pytest
from matplotlib.figure import Figure

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files import writing
from fasternet_paddle.results import trial
from fasternet_paddle.results.trial import drawable

NAMES = ("$\\frac{1$", "a_b", "名", "हि", "x" * 300)


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch):
    monkeypatch.setattr(writing, "_said", set())
    monkeypatch.setattr(trial, "_tried", set())


def draw():
    figure = Figure()
    figure.subplots().set_title("a title of 3 %")
    figure.savefig(io.BytesIO(), format="png", dpi=30)


def test_settings_that_work_are_the_users(capsys):
    with matplotlib.rc_context({"axes.facecolor": "red"}), drawable(("a", "b")):
        assert matplotlib.rcParams["axes.facecolor"] == "red"
        draw()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("settings", [{"text.usetex": True}, {"image.cmap": "nonsuch"}])
def test_settings_that_cannot_be_used_are_told_once_and_put_aside(settings, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")  # no LaTeX
    with matplotlib.rc_context():
        dict.update(matplotlib.rcParams, settings)  # unchecked, as where a later version reads an older file
        for _ in range(2):
            with drawable(NAMES[1:2]):
                assert all(matplotlib.rcParams[key] != value for key, value in settings.items())
                draw()
        assert all(matplotlib.rcParams[key] == value for key, value in settings.items())
    said = capsys.readouterr().err
    assert said.count("note: figures are drawn with matplotlib's own settings, since yours cannot be used here") == 1
    assert said.count("\n") == 1


def test_where_nothing_can_be_drawn_it_is_said_before_the_work(monkeypatch):
    def fail(*_arguments, **_more):
        raise RuntimeError("no memory\nfor it")

    monkeypatch.setattr(trial.plots, "plot_learning_curve", fail)
    says = r"^matplotlib cannot draw here \(RuntimeError: no memory\)$"
    with pytest.raises(FasterNetError, match=says), drawable():
        raise AssertionError("entered")


def test_a_fault_within_is_no_fault_of_the_figures():
    with pytest.raises(KeyError), drawable(("a",)):
        raise KeyError("work")
