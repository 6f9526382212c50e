"""An ONNX file, or OpenVINO's own form, as a function, run by OpenVINO on the CPU.

run = load_openvino("out/inference.xml", threads=2, precision="f32")
logits = run(x)                              # float32 (N, 3, H, W) -> (N, K)
"""

import threading
from pathlib import Path

from ..errors import FasterNetError
from ..files.onnx_files import FILE_BYTES, read_onnx
from ..files.opening import open_file, shown

KEY = "fasternet_paddle"  # of what travels in rt_info


def load_openvino(path, threads, precision="f32", output="logits", streams=1, own=False):
    """The network in a file, compiled by OpenVINO.

    Args:
        path: of an ``.xml``, with its ``.bin`` beside it, or of an ``.onnx`` file.
        threads: of its kernels, for each stream.
        precision: "f32" or "bf16", of what computes in floats; on a processor without bf16 OpenVINO takes f32.
        output: name of the output to return; the first where there is no such name.
        streams: callers at a time that do not wait for one another.
        own: the file comes from this package's own cache, and is taken as it is: any network, without metadata.

    Returns:
        A function from float32 images ``(N, C, H, W)`` to the output; its ``metadata`` is the record's text by its key,
        its ``precision`` what OpenVINO says that it computes floats in.

    Raises:
        FasterNetError: OpenVINO is not installed, or the file cannot be read, is refused or cannot be run.
    """
    try:
        import openvino
    except ImportError:
        raise FasterNetError(
            "running a network by OpenVINO needs openvino, not installed here; run pip install openvino"
        ) from None

    hints = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads * streams,
        "NUM_STREAMS": streams,
    }
    core = openvino.Core()
    if own:
        source, metadata = str(path), {}
    elif Path(path).suffix == ".onnx":
        source, metadata = read_onnx(path)
    else:
        for part in (Path(path), Path(path).with_suffix(".bin")):
            with open_file(part, FILE_BYTES):
                pass
        source, metadata = str(path), None
    try:
        network = core.read_model(source)
        if metadata is None:
            metadata = {KEY: network.get_rt_info(KEY).astype(str)} if network.has_rt_info(KEY) else {}
        compiled = core.compile_model(network, "CPU", hints)
        names = [port.any_name for port in compiled.outputs]
        target = compiled.outputs[names.index(output) if output in names else 0]
        taken = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    except Exception as error:  # its exceptions have no common class
        raise FasterNetError(f"OpenVINO cannot run {path}: {shown(str(error))}") from None

    requests = threading.local()  # a request of two threads is refused as busy

    def run(x):
        if not hasattr(requests, "own"):
            requests.own = compiled.create_infer_request()
        return requests.own.infer(x)[target]

    run.metadata, run.precision = metadata, taken
    return run
