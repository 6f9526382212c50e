"""Every entry that reads a stranger's file meets the hostile corpus: code 2, one sentence, and nothing is run.

The readers meet the whole of it in tests/files; here it is every tenth file, and all of them in a soak.
"""

import contextlib
import io
import os

import pytest

from fasternet_paddle import evaluate, explain, export, predict, train
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.weights.pdparams import save_state
from tests import hostile, hostile_tensors

EVERY = 1 if os.environ.get("FASTERNET_SOAK") else 10
DIGITS = ["--dataset", "digits"]
SMALL = ["--image-size", "32", "--batch-size", "4", "--epochs", "1", "--num-workers", "0"]
READERS = {
    "train --data-path": ("archives", lambda path: train.main(["--data-path", path, *SMALL])),
    "train --config": ("configs", lambda path: train.main(["--config", path])),
    "evaluate --weights": ("pickles", lambda path: evaluate.main(["--weights", path, "--dataset", "digits"])),
    "evaluate --data-path": (
        "archives",
        lambda path: evaluate.main(["--weights", "good.pdparams", "--data-path", path, "--image-size", "32"]),
    ),
    "predict --weights": ("pickles", lambda path: predict.main(["good.pdparams", "--weights", path])),
    "explain --weights": ("pickles", lambda path: explain.main(["--weights", path, "--dataset", "digits"])),
    "explain --image": ("images", lambda path: explain.main(["--weights", "good.pdparams", "--image", path])),
    "evaluate --weights, of torch.save": ("torch_zip", lambda path: evaluate.main(["--weights", path])),
    "train --init-weights": ("torch_legacy", lambda path: train.main(["--init-weights", path, *DIGITS, *SMALL])),
    "export --weights": ("safetensors", lambda path: export.main(["--weights", path])),
}


@pytest.mark.parametrize("entry", READERS)
def test_hostile_files(tmp_path, monkeypatch, entry):
    monkeypatch.chdir(tmp_path)
    save_state(create_model("t0").state_dict(), "good.pdparams")
    kind, run = READERS[entry]
    corpus = hostile if hasattr(hostile, kind) else hostile_tensors
    marker = tmp_path / "marker"
    for name, content in list(getattr(corpus, kind)(marker).items())[::EVERY]:
        (tmp_path / "file").write_bytes(content)
        before, errors = sorted(tmp_path.iterdir()), io.StringIO()
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            code = run("file")
        said = errors.getvalue()
        assert code == 2, f"{name}: code {code}, {said}"
        assert said.startswith("error: ") and said.count("\n") == 1, f"{name}: {said}"
        assert sorted(tmp_path.iterdir()) == before, name
        assert not marker.exists(), name
