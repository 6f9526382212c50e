"""An ONNX file as a function, run by ONNX Runtime on the CPU.

run = load_onnx("out/inference.onnx", threads=2)
logits = run(x)                              # float32 (N, 3, H, W) -> (N, K); from any thread, several at a time
"""

import queue
from pathlib import Path

from ..errors import FasterNetError
from ..files.onnx_files import read_onnx
from ..files.opening import shown

ERRORS_ONLY = 3  # of its log; it warns of each weight that a graph does not use, some 40 lines for a raw file


def load_onnx(path, threads, output="logits", streams=1, own=False):
    """The network in an ONNX file, looked through before ONNX Runtime gets it.

    Args:
        path: of the file.
        threads: of its kernels, for each stream.
        output: name of the output to return; the first where there is no such name.
        streams: callers at a time that do not wait for one another.
        own: the file comes from this package's own cache, and is taken as it is: any network, without metadata.

    Returns:
        A function from float32 images ``(N, C, H, W)`` to the output; its ``metadata`` is the file's, a dict of text.

    Raises:
        FasterNetError: ONNX Runtime is not installed, or the file cannot be read, is refused or cannot be run.
    """
    try:
        import onnxruntime
    except ImportError:
        raise FasterNetError(
            "running an ONNX file needs onnxruntime, not installed here; run pip install onnxruntime"
        ) from None

    data, metadata = (Path(path).read_bytes(), {}) if own else read_onnx(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    sessions = queue.SimpleQueue()
    try:
        # With one thread a run is the caller's own, and one session, with one copy of the weights, serves all streams.
        for _ in range(1 if threads == 1 else streams):
            session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
            sessions.put(session)
        source = session.get_inputs()[0].name
        names = [value.name for value in session.get_outputs()]
        target = output if output in names else names[0]
    except Exception as error:  # its exceptions have no common class
        raise FasterNetError(f"ONNX Runtime cannot run {path}: {shown(str(error))}") from None

    if sessions.qsize() == 1:

        def run(x):
            return session.run([target], {source: x})[0]

    else:

        def run(x):
            free = sessions.get()
            try:
                return free.run([target], {source: x})[0]
            finally:
                sessions.put(free)

    run.metadata, run.precision = metadata, "f32"
    return run
