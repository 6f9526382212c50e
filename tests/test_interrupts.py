"""Ctrl-C and SIGTERM end every entry in one sentence, whatever it is doing; nothing that was there is lost."""

import hashlib
import re
import signal
import subprocess
import sys
import time

import pytest

DATA = ["--dataset", "digits", "--image-size", "32", "--batch-size", "32", "--num-workers", "0"]
TRAIN = [*DATA, "--epochs", "50", "--train-images", "200"]
SENTENCE = re.compile(
    r"interrupted|stopped by SIG(INT|TERM); (everything is saved, (--resume|the same command) goes on from here"
    r"|what was saved before is as it was)"
)
# A job in the background begins with SIGINT ignored.
RUN = (
    "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "print('begun', flush=True); sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name='__main__')"
)
# What each entry does for longer than it is let, and the seconds after which it is interrupted.
ENTRIES = {
    "train": ([*TRAIN, "--work-path", "{out}"], (0.3, 1.5, 6.0)),
    "compare": (["--arms", "notebook", "notebook --augment fast", *TRAIN, "--output", "{out}"], (0.3, 1.5, 6.0)),
    "evaluate": (["--weights", "{weights}"], (0.3, 1.0, 2.5)),
    "explain": (
        ["--weights", "{weights}", "--index", "3", "7", "--num-samples", "100000", "--output", "{out}"],
        (0.3, 2, 5),
    ),
    "predict": (["--weights", "{weights}", "{pictures}", "--output", "{out}/p.csv"], (0.3, 1.0, 2.5)),
    "export": (["--weights", "{weights}", "--format", "paddle", "--output", "{out}"], (0.3, 1.0, 2.5)),
    "bench": (["training", "--steps", "400", "--image-size", "32", "--output", "{out}"], (0.3, 1.5, 5.0)),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(weights of a small run, a folder of pictures)."""
    from PIL import Image

    from fasternet_paddle import TrainConfig, run_training

    folder = tmp_path_factory.mktemp("interrupted")
    run_training(
        TrainConfig(
            dataset="digits",
            image_size=32,
            batch_size=32,
            epochs=1,
            max_steps=2,
            num_workers=0,
            train_images=100,
            work_path=str(folder / "run"),
        )
    )
    (folder / "pictures").mkdir()
    for number in range(300):
        Image.new("RGB", (64, 64), (number % 256, 9, 9)).save(folder / "pictures" / f"{number}.png")
    return folder / "run" / "best_model.pdparams", folder / "pictures"


CASES = [(entry, at, signal.SIGINT) for entry, (_, moments) in ENTRIES.items() for at in moments]
CASES += [(entry, moments[-1], signal.SIGTERM) for entry, (_, moments) in ENTRIES.items()]
CASES += [("train", 1.5, signal.SIGTERM)]


@pytest.mark.parametrize(("entry", "seconds", "signum"), CASES)
def test_an_interrupted_entry_says_so_in_one_sentence(trained, tmp_path, entry, seconds, signum):
    """It may have ended before, on a fast machine; what is said then is its result."""
    weights, pictures = trained
    before = hashlib.sha256(weights.read_bytes()).digest()
    places = {"weights": weights, "pictures": pictures, "out": tmp_path / "out"}
    words = [word.format(**places) for word in ENTRIES[entry][0]]
    command = [sys.executable, "-c", RUN, f"fasternet_paddle.{entry}", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, start_new_session=True, **pipes) as process:
        assert process.stdout.readline() == "begun\n"
        time.sleep(seconds)
        process.send_signal(signum)
        out, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    # Its work is done and Python itself has gone: then the system ends it while Paddle parts.
    over = {
        "evaluate": "throughput" in out,
        "predict": "predictions.csv" in said,
        "export": (tmp_path / "out" / "README.md").exists(),
    }
    if process.returncode != 0 and not (process.returncode == -signum and over.get(entry)):
        assert process.returncode == 128 + signum, said
        assert SENTENCE.fullmatch(said.replace("\r", "\n").strip().splitlines()[-1])
    assert hashlib.sha256(weights.read_bytes()).digest() == before
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".") and path.suffix == ".tmp"]
