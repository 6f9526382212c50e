import pickle

import numpy as np
import paddle
import pytest

from fasternet_paddle import PConv, Predictor
from fasternet_paddle.exporting.folders import write_record
from fasternet_paddle.exporting.network import FILES, TimesOne, WithSoftmax, export_network, suited_to_bf16
from fasternet_paddle.inference.exported import is_exported, open_exported
from tests.exporting.networks import images, make_network, network
from tests.threads import wrong_answers


def test_exporting_twice_in_one_process_gives_the_same_files_and_leaves_the_model(tmp_path):
    """Also of a network made anew, whose parameters and layers Paddle has counted further."""
    written = []
    for place, (model, _) in enumerate((network(), make_network(), make_network(seed=1))):
        model.train()
        names = [parameter.name for parameter in model.parameters()]
        state = {name: value.numpy() for name, value in model.state_dict().items()}
        folder = tmp_path / str(place)
        folder.mkdir()
        export_network(model, folder)
        written.append({name: (folder / name).read_bytes() for name in FILES})
        assert model.training and [parameter.name for parameter in model.parameters()] == names
        assert all(np.array_equal(value.numpy(), state[name]) for name, value in model.state_dict().items())
        model.eval()
    assert written[0] == written[1]
    assert written[0][FILES[0]] == written[2][FILES[0]] and written[0][FILES[1]] != written[2][FILES[1]]


def test_a_network_for_bf16_answers_the_same_and_leaves_the_model():
    model, _ = network()
    suited = suited_to_bf16(model)
    x = paddle.to_tensor(images(4))
    with paddle.no_grad():
        assert np.array_equal(suited(x).numpy(), model(x).numpy())
    mixers = sum(isinstance(layer, PConv) for layer in model.sublayers())
    assert sum(isinstance(layer, TimesOne) for layer in suited.sublayers()) == mixers > 0
    assert not any(isinstance(layer, TimesOne) for layer in model.sublayers())


def test_a_softmax_of_cooled_logits(tmp_path):
    model, _ = network()
    x = paddle.to_tensor(images(4))
    with paddle.no_grad():
        logits = model(x)
        wanted = paddle.nn.functional.softmax(logits / 1.5, axis=1).numpy()
        alone, (first, second) = WithSoftmax(model, 1.5)(x), WithSoftmax(model, 1.5, logits_too=True)(x)
    for found in (alone, first):
        assert np.abs(found.numpy() - wanted).max() < 1e-6
    assert np.array_equal(second.numpy(), logits.numpy())


@pytest.mark.parametrize("outputs", ["logits", "probabilities"])
def test_an_exported_folder_answers_as_the_model(tmp_path, outputs):
    model, record = network()
    export_network(model if outputs == "logits" else WithSoftmax(model, record.temperature), tmp_path)
    write_record(record, tmp_path, outputs)
    assert is_exported(tmp_path) and not is_exported(tmp_path.parent)
    predictor = open_exported(tmp_path, threads=1)
    x = images(5, size=64)
    logits = Predictor(model, engine="dygraph").logits(x)
    cooled = np.exp(logits / record.temperature)
    assert np.abs(predictor.probabilities(x) - cooled / cooled.sum(axis=1, keepdims=True)).max() < 1e-5
    found = predictor.logits(x)
    assert np.abs((found - found[:, :1]) - (logits - logits[:, :1])).max() < 1e-4  # equal but for a constant
    assert predictor.record == record and predictor.image_size == 32 and predictor.num_classes == 10
    assert np.array_equal(predictor(x), predictor.probabilities(x))
    assert predictor.describe() == "exported network through paddle.inference, f32, cpu, threads: 1"
    batches = [images(count, size=32) * sign for count in (1, 2) for sign in (1, -1)]
    assert wrong_answers(predictor.logits, batches, 20) == 0
    back = pickle.loads(pickle.dumps(predictor))
    assert np.array_equal(back.logits(x), found) and back.threads == 1
