"""``bench pipeline``: what the three recipes make, and how many cores feed a GPU."""

import numpy as np

from fasternet_paddle.bench import pipeline


def test_pipelines_make_what_the_network_takes():
    images = np.random.RandomState(0).randint(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    made = {way: make(1) for way, make in pipeline.pipelines(images).items()}
    shown = {way: np.asarray(one if way[1] == "notebook" else one[0]) for way, one in made.items()}
    assert len(shown) == 8 and all(one.shape == (3, 224, 224) and one.dtype == np.float32 for one in shown.values())
    assert np.array_equal(shown[pipeline.VAL, "notebook"], shown[pipeline.VAL, pipeline.RECIPE])
    same, fast = pipeline.agreement(4)
    assert "the same to the bit" in same
    assert float(fast.split("at most ")[1].split()[0]) < 1.01


def test_cores_that_feed_a_gpu():
    measured = {("notebook", "s", pipeline.TRAIN): [90.0, 100.0], (pipeline.FAST, "s", pipeline.TRAIN): [1000.0]}
    line = next(line for line in pipeline.cores_table(measured).splitlines() if "T2 training" in line)
    assert [cell.strip() for cell in line.split("  ") if cell.strip()][1:] == [
        "664",
        "7.0",
        "0.7",
    ]  # 1991 / 3 images/s over 95 and 1000 images/s a core
