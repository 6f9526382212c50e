"""A folder of one's own images, from training to a measured and explained network, by the entries."""

import json

import numpy as np
import pytest

from fasternet_paddle import evaluate, train
from fasternet_paddle.data.datasets import load_dataset
from fasternet_paddle.files.lists import read_listing
from fasternet_paddle.runs.run import load_run
from tests.pictures import encoded, write_tree

SMALL = {"image-size": 32, "batch-size": 8, "num-workers": 0, "embed-dim": 4, "seed": 1, "max-steps": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTERNET_CACHE", str(scratch / "cache"))
        yield write_tree(scratch / "own", {"two words": 60, "Hündin": 60})


def _train(folder, work_path, *flags):
    data = ["--dataset", "folder", "--data-path", str(folder), "--work-path", str(work_path)]
    small = [text for name, value in SMALL.items() for text in (f"--{name}", str(value))] + ["--depths", *"1121"]
    return train.main([*data, *small, *flags])


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    work_path = tmp_path_factory.mktemp("run") / "model"
    assert _train(folder, work_path, "--epochs", "2", "--resize", "crop", "--test-fraction", "0.1") == 0
    return work_path


def test_a_run_ends_with_a_page_and_an_untouched_figure(folder, tmp_path, capsys):
    """What the checks found, which pictures are wrong, and what images that nobody looked at say."""
    own = write_tree(tmp_path / "own", {"two words": 70, "Hündin": 70})
    (own / "two words" / "cut.png").write_bytes(encoded(3)[:-40])
    (own / "Hündin" / "copy.png").write_bytes((own / "Hündin" / "000.png").read_bytes())
    (own / "Hündin" / "notes.txt").write_text("no picture")
    assert _train(own, tmp_path / "run", "--epochs", "1", "--test-fraction", "0.1") == 0
    said, metrics = capsys.readouterr().out, json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert "in epoch 0, chosen on the same images\n" in said and str(tmp_path / "run" / "report.html") in said
    assert f"top-1 on 14 untouched test images: {metrics['test_top1']:.4f} (95 %: " in said
    assert metrics["test_images"] == 14 and metrics["best_epoch_chosen_by"] == "val_top1"
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    for text in ("two words/cut.png", "Hündin/notes.txt", "Hündin/copy.png", "chosen on these same images"):
        assert text in page
    assert f"<b>{metrics['test_top1']:.2%}</b>" in page and "images/s" in page and "Worst mistakes" in page
    flags = ["--weights", str(tmp_path / "run" / "best_model.pdparams"), "--output", str(tmp_path / "evaluation")]
    assert evaluate.main([*flags, "--num-workers", "0", "--engine", "dygraph", "--data-path", str(own)]) == 0
    again = (tmp_path / "evaluation" / "report.html").read_text(encoding="utf-8")
    values = json.loads((tmp_path / "evaluation" / "evaluation_test.json").read_text(encoding="utf-8"))
    assert values["top1"] == metrics["test_top1"] and "two words/cut.png" in again and "chosen on these same" in again
    (tmp_path / "run" / "checks.json").write_text('{"class_names": 3}')
    capsys.readouterr()
    assert evaluate.main(flags) == 2
    assert "checks.json holds no findings" in capsys.readouterr().err


def test_another_folder_is_checked_and_what_is_found_is_said(run, tmp_path, capsys):
    other = write_tree(tmp_path / "other", {"Hündin": 120})
    (other / "Hündin" / "cut.png").write_bytes(encoded(3)[:-40])
    flags = ["--weights", str(run / "best_model.pdparams"), "--output", str(tmp_path / "evaluation")]
    flags += ["--num-workers", "0", "--engine", "dygraph", "--data-path", str(other)]
    assert evaluate.main(flags) == 0
    said = capsys.readouterr().out
    assert "val_dataset: 120\n" in said and "Hündin/cut.png: it is damaged" in said
    assert "chosen on these" not in said and "untouched" not in said


def test_test_images_come_off_the_training_images_of_other_data(tmp_path, capsys):
    flags = ["--dataset", "digits", "--work-path", str(tmp_path / "run"), "--epochs", "1", "--test-fraction", "0.1"]
    flags += [text for name, value in SMALL.items() for text in (f"--{name}", str(value))]
    assert train.main(flags) == 0
    said = capsys.readouterr().out
    assert "train_dataset: 1293\n" in said and "on 144 untouched test images" in said
    data, whole = load_dataset("digits", test_fraction=0.1, seed=1), load_dataset("digits")
    counts = np.bincount(whole.train.labels)
    assert abs(np.bincount(data.test.labels) - 0.1 * counts).max() < 1
    rows = [images.reshape(len(images), -1) for images in (data.train.images, data.test.images, whole.train.images)]
    assert sorted(map(bytes, np.concatenate(rows[:2]))) == sorted(map(bytes, rows[2]))
    assert (data.val.images == whole.val.images).all()


def _history(work_path):
    return (work_path / "history.csv").read_text()


def test_a_run_lists_its_files_and_follows_their_names(run):
    rows = read_listing(run / "files.csv")
    parts = [part for part, *_ in rows]
    assert [parts.count(part) for part in ("train", "val", "test")] == [84, 24, 12]
    assert all(path.partition("/")[0] == name for _, path, name, _ in rows)
    assert load_run(run / "best_model.pdparams").class_names == ("Hündin", "two words")


def test_what_was_found_is_said_and_a_run_is_resumed_with_its_files(folder, run, tmp_path, capsys):
    flags = ["--resize", "crop", "--test-fraction", "0.1"]
    assert _train(folder, tmp_path / "part", *flags, "--epochs", "1", "--checks", "off") == 0
    lines = capsys.readouterr().out.splitlines()
    said = lines.index("2 classes; images: 84 train, 24 val, 12 test")
    assert lines[said + 1] == "every class has 42 training images" and "not checked" in lines[said + 2]
    assert said < next(number for number, line in enumerate(lines) if "epoch" in line)
    (folder / "Hündin" / "new.png").write_bytes(encoded(500))
    try:
        assert _train(folder, tmp_path / "part", *flags, "--epochs", "2", "--resume") == 0
        listed = (tmp_path / "part" / "files.csv").read_text()
        assert listed == (run / "files.csv").read_text() and "new.png" not in listed
        assert len(read_listing(tmp_path / "part" / "files.csv")) == 120
    finally:
        (folder / "Hündin" / "new.png").unlink()
    gone = folder / read_listing(run / "files.csv")[0][1]
    content = gone.read_bytes()
    gone.unlink()
    capsys.readouterr()
    try:
        assert _train(folder, tmp_path / "part", *flags, "--epochs", "3", "--resume") == 2
    finally:
        gone.write_bytes(content)
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "1 of the run's 120 images are gone" in said[0] and gone.name in said[0]


def test_a_run_is_measured_on_its_own_validation_images_and_on_others(folder, run, tmp_path, capsys):
    weights = str(run / "best_model.pdparams")
    flags = ["--weights", weights, "--num-workers", "0", "--engine", "dygraph"]
    assert evaluate.main(flags) == 0
    own = capsys.readouterr().out
    best = max(float(line.split(",")[-1]) for line in _history(run).splitlines()[1:])
    top_1 = float(own.partition("top-1: ")[2].split()[0])
    assert "val_dataset: 24\n" in own and np.isclose(top_1, best, atol=1e-4)
    other = write_tree(tmp_path / "other", {"Hündin": 3})
    assert evaluate.main([*flags, "--data-path", str(other)]) == 0
    assert "val_dataset: 3\n" in capsys.readouterr().out
    write_tree(tmp_path / "other", {"fish": 1})
    assert evaluate.main([*flags, "--data-path", str(other)]) == 2
    assert "does not know the class 'fish'" in capsys.readouterr().err
