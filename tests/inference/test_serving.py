"""One Predictor, many threads, processes that are forked or spawned: the right answers, and none of another's."""

import copy
import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import paddle
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.explaining.lime import Lime
from fasternet_paddle.files.cache import CACHE_VARIABLE
from fasternet_paddle.inference import turns
from fasternet_paddle.inference.engine import COLLECTION, has_bf16
from fasternet_paddle.inference.predictor import ENGINES, Predictor
from fasternet_paddle.inference.turns import InTurn
from fasternet_paddle.model.summary import eval_mode
from fasternet_paddle.runtime.quiet import errors_alone
from tests.networks import assert_close, images, network
from tests.photographs import photograph, same, tiles, trained
from tests.threads import in_threads, wrong_answers

SOAK = "FASTERNET_SOAK" in os.environ
PREDICTIONS = 1000 if SOAK else 50  # a thread
WAYS = [("paddle", "f32"), ("dygraph", "f32"), *([("paddle", "bf16")] if has_bf16() else [])]


@pytest.mark.parametrize(("engine", "precision"), WAYS)
def test_threads_get_their_own_answers(engine, precision):
    model = network()
    predictor = Predictor(model, engine=engine, precision=precision)
    batches = [images(count, height, 32) for count, height in ((1, 32), (3, 32), (1, 48), (2, 64))]
    batches += [-x for x in batches]
    answers = [predictor.logits(x) for x in batches]
    apart = min(np.abs(answers[place] - answers[place + 4]).max() for place in range(4))
    assert apart > 0.05 * max(np.abs(answer).max() for answer in answers)  # another's answer would be seen
    assert wrong_answers(predictor.logits, batches, PREDICTIONS) == 0
    assert all(layer.training for layer in model.sublayers(include_self=True))


@pytest.mark.parametrize(("engine", "precision"), WAYS)
def test_threads_get_their_own_explanations(engine, precision):
    explainer = Lime(Predictor(trained(), 32, engine=engine, precision=precision), segment=tiles)
    pictures = [photograph(name, 40) for name in ("chelsea", "coffee", "rocket", "astronaut")]
    samples = 1000 if SOAK else 60
    wanted = [explainer.explain(picture, (0, 1), samples, seed=7) for picture in pictures]
    got = in_threads(lambda number: explainer.explain(pictures[number], (0, 1), samples, seed=7))
    for one, other in zip(got, wanted, strict=True):
        assert np.allclose(one.weights, other.weights, rtol=0, atol=1e-5 * np.abs(other.weights).max())
        assert same(one, other) or engine == "dygraph"


def test_predictors_are_made_in_several_threads_while_another_predicts():
    model = network()
    eager, x = Predictor(model, engine="dygraph"), images(2, 32, 32)
    wanted, flags = eager.logits(x), paddle.get_flags(COLLECTION)
    others = [network(seed) for seed in range(5, 8)]

    def work(number):
        if number == 3:
            return [eager.logits(x) for _ in range(40)]
        return Predictor(others[number]).logits(x)

    *made, answers = in_threads(work)
    for number, got in enumerate(made):
        assert_close(got, Predictor(others[number], engine="dygraph").logits(x))
    for got in answers:
        assert_close(got, wanted)
    assert paddle.get_flags(COLLECTION) == flags and paddle.in_dynamic_mode()


def test_the_thread_that_made_it_runs_it_and_one_more_does_for_all_others():
    ran = []

    def run(x):
        ran.append(threading.get_ident())
        if x is None:
            raise ValueError("on purpose")
        return x

    turn = InTurn(run)
    assert turn(1) == 1 and in_threads(turn) == [0, 1, 2, 3]
    assert ran[0] == threading.get_ident() and len(set(ran[1:])) == 1 and ran[1] != ran[0]
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="on purpose"):
        pool.submit(turn, None).result()
    running = threading.active_count()
    del turn
    gc.collect()
    for thread in threading.enumerate():
        if thread.name.startswith("predictor"):
            thread.join(5)
    assert threading.active_count() < running  # its thread ends with it


def test_eval_mode_is_held_until_the_last_thread_leaves():
    model = network()
    model.feature.eval()
    modes = [layer.training for layer in model.sublayers(include_self=True)]
    first, second = eval_mode(model), eval_mode(model)
    first.__enter__(), second.__enter__(), first.__exit__(None, None, None)
    assert not any(layer.training for layer in model.sublayers(include_self=True))
    second.__exit__(None, None, None)
    assert [layer.training for layer in model.sublayers(include_self=True)] == modes and {*modes} == {True, False}


# ---- processes ----


def test_pickled_it_takes_its_network_along(tmp_path, monkeypatch):
    predictor = Predictor(network(), 48, class_names=tuple("abcdefghij"), threads=1)
    content = pickle.dumps(predictor)
    picture = photograph("coffee", 60)
    for folder in (os.environ.get(CACHE_VARIABLE), tmp_path / "another machine's"):
        monkeypatch.setenv(CACHE_VARIABLE, str(folder))
        back = pickle.loads(content)
        assert back.predict(picture) == predictor.predict(picture)
        assert (back.describe(), back.image_size, back.threads) == (predictor.describe(), 48, 1)
    assert len(list((tmp_path / "another machine's").iterdir())) == 1
    assert copy.deepcopy(predictor).predict(picture) == predictor.predict(picture)
    assert same(
        pickle.loads(pickle.dumps(Lime(predictor))).explain(picture, num_samples=200),
        Lime(predictor).explain(picture, num_samples=200),
    )


def test_what_cannot_be_pickled_says_so():
    with pytest.raises(FasterNetError, match="dygraph cannot be pickled, since it runs the model itself; use the eng"):
        pickle.dumps(Predictor(network(), engine="dygraph"))
    predictor = Predictor(network(seed=4))
    for path in predictor._run.folder.iterdir():
        path.unlink()
    with pytest.raises(FasterNetError, match="no longer in the cache"):
        pickle.dumps(predictor)


FORKED = """
import multiprocessing, sys
from fasternet_paddle import Predictor
from tests.networks import assert_close, images, network
from tests.threads import in_threads

predictor, x = Predictor(network(), engine=sys.argv[1]), images(2, 32, 32)
wanted = predictor.logits(x)
if sys.argv[1] == "paddle":
    in_threads(lambda number: predictor.logits(x))  # so that there is the thread that runs for others
context = multiprocessing.get_context("fork")
ours, theirs = context.Pipe()

def work():
    theirs.send([predictor.logits(x), *in_threads(lambda number: predictor.logits(x))])

if sys.argv[1] == "paddle":
    predictor._run._run._lock.acquire()  # as by a thread that is not there any more in the child
process = context.Process(target=work, daemon=True)
process.start()
if sys.argv[1] == "paddle":
    predictor._run._run._lock.release()
assert ours.poll(60)
for got in [*ours.recv(), predictor.logits(x)]:
    assert_close(got, wanted)
process.join(10)
assert process.exitcode == 0
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="nothing forks here")
@pytest.mark.parametrize("engine", ENGINES)
def test_a_forked_process_goes_on_with_it(engine):
    """In a process of its own: other tests' threads, just ending, may hold Paddle's own locks (docs/serving.md)."""
    work = [sys.executable, "-W", "ignore", "-c", FORKED, engine]
    done = subprocess.run(work, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr


def test_locks_are_new_in_a_forked_process(monkeypatch):
    turn = InTurn(lambda x: x)
    lock = turn._lock
    turns._begin_anew()
    assert turn._lock is not lock and turn(1) == 1


def test_a_spawned_process_answers_as_this_one():
    predictor, x = Predictor(network()), images(2, 32, 32)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        got = pool.apply(predictor.logits, (x,))
        pool.close()
        pool.join()  # terminating it, Paddle's handler of SIGTERM may wait for ever in malloc
    assert_close(got, predictor.logits(x))


# ---- silence ----


def test_compiling_says_nothing(tmp_path):
    """Paddle's own remark too, of which it makes one a process; what it has to say of errors is heard."""
    work = (
        "import warnings; warnings.simplefilter('ignore'); import paddle; "  # first, as Paddle would have it
        "from fasternet_paddle import Predictor, create_model; "
        "Predictor(create_model('t0', embed_dim=16, depths=(1, 1, 1, 1)))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "GLOG_minloglevel"}
    done = subprocess.run(
        [sys.executable, "-c", work],
        env={**environment, CACHE_VARIABLE: str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "not support" not in done.stderr and "W1" not in done.stderr


def test_the_level_of_paddles_log_is_put_back():
    from fasternet_paddle.runtime.quiet import _log_level

    before = _log_level().value
    with errors_alone():
        assert _log_level().value == 2
    assert _log_level().value == before
