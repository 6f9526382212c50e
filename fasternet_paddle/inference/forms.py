"""The files that an engine reads, from the cache: made where they are missing.

folder = files_of(model, Plan("onnxruntime"))      # <cache>/<sha256>/inference.onnx
"""

import hashlib
import importlib.metadata

from ..exporting.network import FILES, suited_to_bf16
from ..exporting.onnx import FILE as ONNX
from ..exporting.onnx import check_tools, export_logits
from ..exporting.openvino import FILE as OPENVINO
from ..exporting.openvino import export_int8
from ..files.cache import home_for_paddle
from ..runtime.quiet import errors_alone
from .cache import exported, fingerprint, kept

INT8 = (OPENVINO, OPENVINO.replace(".xml", ".bin"))
CONVERTERS = ("paddle2onnx", "onnxslim")  # packages whose releases write different files
QUANTISERS = (*CONVERTERS, "nncf", "openvino")


def names_of(plan):
    """Names of the files that a plan's engine reads."""
    if plan.engine == "paddle":
        return FILES
    return INT8 if plan.precision == "int8" else (ONNX,)


def files_of(model, plan, cache_dir=None, anew=False, int8=None):
    """The folder that holds ``names_of(plan)``, in the cache.

    Args:
        model: ``paddle.nn.Layer``, images ``(N, C, H, W)`` -> logits ``(N, K)``.
        plan: ``Plan``.
        cache_dir: of the cache; by default ``files.cache.cache_root()``.
        anew: make them again even if they seem intact.
        int8: ``Int8``, for that precision.

    Raises:
        FasterNetError: a tool is missing or could not convert the network, or the cache cannot be written.
    """
    if plan.engine == "paddle":
        return exported(suited_to_bf16(model) if plan.precision == "bf16" else model, cache_dir, anew)

    def write(folder):
        with errors_alone(), home_for_paddle():
            if plan.precision == "int8":
                export_int8(model, folder, int8.images, int8.control)
            else:
                export_logits(model, folder)

    if plan.precision == "int8":
        return kept(_name(model, QUANTISERS, int8.digest()), INT8, write, cache_dir, anew)
    return kept(_name(model, CONVERTERS), (ONNX,), write, cache_dir, anew)


def _name(model, packages, *more):
    check_tools("fast", [name for name in packages if name != "onnxslim"])
    versions = [importlib.metadata.version(name) for name in packages]
    return hashlib.sha256(" ".join([fingerprint(model), *versions, *more]).encode()).hexdigest()
