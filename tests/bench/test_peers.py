"""Other engines: named where they are missing, and never in need of Paddle where they do not use it."""

import subprocess
import sys
import types

from fasternet_paddle.bench import inference, peers
from fasternet_paddle.inference import engine as engine_module


def installed(monkeypatch, there):
    """Make every engine seem to be there, or none."""
    found = types.SimpleNamespace(find_spec=lambda name: there or None)
    monkeypatch.setattr(peers, "importlib", types.SimpleNamespace(util=found))


def test_peers_that_are_missing_are_one_sentence(monkeypatch, capsys):
    installed(monkeypatch, False)
    for engine, packages in peers.NEEDS.items():
        assert inference.main(["--against", engine]) == 2
        assert f"--against {engine} needs {' and '.join(packages)}" in capsys.readouterr().err
    assert set(peers.NEEDS) == set(peers.WAYS)
    installed(monkeypatch, True)
    monkeypatch.setattr(engine_module, "has_bf16", lambda: False)
    assert peers.ways(["openvino"]) == ["openvino, plain, f32", "openvino, best, f32", "openvino, best, int8"]
    monkeypatch.setattr(engine_module, "has_bf16", lambda: True)
    plain = [way for way in peers.ways(["onnxruntime", "openvino"]) if "plain" in way]
    assert plain == ["onnxruntime, plain, f32", "openvino, plain told f32, f32", "openvino, plain, bf16"]


def test_worker_of_a_torch_network_needs_no_paddle():
    code = "import sys, fasternet_paddle.bench.peers; assert 'paddle' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
