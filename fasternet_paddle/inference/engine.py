"""``paddle.inference`` as this package runs it: an exported network as a function, and what the processor offers.

run = load_exported(folder, paddle.CPUPlace(), "bf16", threads=2, probe=x)
logits = run(x)                              # contiguous float32 (N, C, H, W) -> the network's output
"""

import contextlib
import os
import threading

import paddle

SHAPES_KEPT = 4  # oneDNN packs all weights once more for each shape of the input: 370 MB a shape of an L
COLLECTION = "FLAGS_eager_delete_tensor_gb"  # when Paddle's executor frees a tensor after its last use; below 0: never
_flags = threading.Lock()


def load_exported(folder, place, precision, threads, probe):
    """The network that ``export_network`` left in ``folder``, run by ``paddle.inference``.

    On a CPU its intermediate results stay allocated between runs, as large as the largest run needed them.

    Args:
        folder: with ``inference.json`` and ``inference.pdiparams``.
        place: of Paddle, a CPU's or a GPU's.
        precision: "f32", or "bf16" on a CPU.
        threads: of the CPU's kernels.
        probe: contiguous float32 images ``(N, C, H, W)`` for a first run.

    Returns:
        A function from contiguous float32 images ``(N, C, H, W)`` to the network's output, for one call at a time
        (``turns``).
    """
    config = paddle.inference.Config(str(folder / "inference.json"), str(folder / "inference.pdiparams"))
    config.disable_glog_info()
    config.enable_new_ir()
    config.enable_new_executor()
    if place.is_gpu_place():
        config.enable_use_gpu(256, place.gpu_device_id())  # 256 MB to begin with; the pool grows
    else:
        config.disable_gpu()
        config.enable_mkldnn()
        config.set_mkldnn_cache_capacity(SHAPES_KEPT)
        config.set_cpu_math_library_num_threads(threads)
        if precision == "bf16":
            config.enable_mkldnn_bfloat16()
    predictor = paddle.inference.create_predictor(config)
    source = predictor.get_input_handle(predictor.get_input_names()[0])
    target = predictor.get_output_handle(predictor.get_output_names()[0])

    def run(x):
        source.copy_from_cpu(x)
        predictor.run()
        return target.copy_to_cpu()

    with contextlib.nullcontext() if place.is_gpu_place() else _intermediates_kept():
        run(probe)
    return run


@contextlib.contextmanager
def _intermediates_kept():
    """A network that is run for the first time meanwhile never frees its intermediate results.

    Otherwise each is allocated and freed in every run, by a thread that waits for work in a busy loop and takes its
    time from the kernels': a fifth of a single image's, a tenth of a batch's in f32 (T0, two cores).
    """
    with _flags:  # of two threads the second would find what the first one has set, and leave it so
        before = paddle.get_flags(COLLECTION)
        if COLLECTION not in os.environ:  # else the user has decided
            paddle.set_flags({COLLECTION: -1.0})
        try:
            yield
        finally:
            paddle.set_flags(before)


def has_bf16():
    """Whether this processor has bf16 instructions (AVX512-BF16 or AMX); without them bf16 is emulated and slow."""
    return bool(paddle.base.core.supports_bfloat16_fast_performance())
