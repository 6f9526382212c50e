"""How long a run will take is said once, and of a long run only."""

import pytest

from fasternet_paddle.data import datasets, loaders
from fasternet_paddle.training import forecast


def test_forecast_speaks_before_a_long_run_only(capsys, monkeypatch):
    clock = iter([0.0, 30.0, 0.0, 0.003])
    monkeypatch.setattr(forecast.time, "perf_counter", lambda: next(clock))
    digits = datasets.load_dataset("digits")
    train = loaders.make_loader(digits.train, None, 14, drop_last=True, max_steps=100)
    val = loaders.make_loader(digits.val, None, 12)  # 30 steps
    for _ in range(2):
        after_step = forecast.Forecast(train, val, epochs=10)
        for _ in range(5):
            after_step()
    assert capsys.readouterr().out == (
        "On this machine an epoch takes about 18 min and the whole run of 10 about 3.1 h.\n"
    )


def test_a_step_of_several_batches_is_timed_whole(capsys, monkeypatch):
    clock = iter([0.0, 60.0])
    monkeypatch.setattr(forecast.time, "perf_counter", lambda: next(clock))
    after_step = forecast.Forecast([0] * 100, [0] * 30, epochs=10, accumulate=2)
    for _ in range(5):
        after_step()
    assert "an epoch takes about 18 min and the whole run of 10 about 3.1 h" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "text"), [(45, "45 s"), (720, "12 min"), (3.4 * 3600, "3.4 h"), (180000, "2.1 days")]
)
def test_duration(seconds, text):
    assert forecast.duration(seconds) == text
