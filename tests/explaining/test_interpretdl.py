"""InterpretDL is imported late, in silence, and without a trace; where it is missing, one sentence says so."""

import subprocess
import sys

import numpy as np
import paddle
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.explaining import interpretdl as interpretdl_compat
from fasternet_paddle.explaining.interpretdl import load_interpretdl
from fasternet_paddle.explaining.lime import Lime
from fasternet_paddle.inference.predictor import Predictor
from tests.photographs import photograph, tiles, trained


def test_release_candidates_of_paddle_are_no_obstacle(monkeypatch):
    monkeypatch.setattr(paddle, "__version__", "3.4.0rc1")
    explanation = Lime(Predictor(trained()), segment=tiles).explain(photograph("coffee"), num_samples=60)
    assert np.isfinite(explanation.weights).all()


def test_missing_interpretdl_is_one_sentence(monkeypatch):
    for package in interpretdl_compat.NEEDS:
        monkeypatch.setattr(
            interpretdl_compat.importlib.util, "find_spec", lambda name, gone=package: None if name == gone else name
        )
        with pytest.raises(FasterNetError, match=rf"{package} is not installed: pip install -e '.\[explain\]' && "):
            load_interpretdl()


def test_interpretdl_is_imported_late_and_in_silence():
    work = (
        "import sys\n"
        "import fasternet_paddle.explaining.lime, fasternet_paddle.explaining.perturbation\n"
        "import fasternet_paddle.explaining.explainer, fasternet_paddle.explaining.stability\n"
        "assert not {'interpretdl', 'IPython', 'skimage', 'sklearn'} & set(sys.modules), 'imported early'\n"
        "from fasternet_paddle.explaining.interpretdl import load_interpretdl\n"
        "import IPython, IPython.core.display, IPython.display\n"
        "before = dict(vars(IPython.core.display))\n"
        "assert load_interpretdl().__version__ == '0.8.0'\n"
        "assert vars(IPython.core.display) == before, 'IPython is changed'\n"
        "shown = load_interpretdl('data_processor.visualizer').display\n"  # InterpretDL has the name it asked for
        "assert shown is IPython.display.display\n"
        "from fasternet_paddle import *\n"
        "assert isinstance(LIMECVInterpreter, type)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore:No ccache", "-c", work], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_public_name_is_there_without_interpretdl():
    work = (
        "import sys, importlib.util\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'interpretdl':\n"
        "            raise ModuleNotFoundError(name)\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'interpretdl' else find(name, *rest)\n"
        "sys.meta_path.insert(0, Blocked())\n"
        "from fasternet_paddle import *\n"
        "assert isinstance(LIMECVInterpreter, type) and 'notebook' in LIMECVInterpreter.__doc__\n"
        "try:\n"
        "    LIMECVInterpreter(None, device='cpu')\n"
        "except FasterNetError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore:No ccache", "-c", work], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("explanations need InterpretDL, and interpretdl is not installed: pip install")
