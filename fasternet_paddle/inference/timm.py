"""A folder that ``exporting.timm`` wrote, read back: by timm itself where it is installed.

run, engine = load_timm("out", record)       # normalised float32 (N, 3, H, W) -> logits (N, K); "timm" or who else
"""

from pathlib import Path

from ..exporting.timm import WEIGHTS
from ..model.fasternet import create_model
from .predictor import Predictor


def load_timm(folder, record):
    """(the network in a folder as a function, what runs it).

    Without timm and PyTorch, or where PyTorch's packages do not fit together, this package's reader of timm's files
    reads it, whose equality with timm is tested in ``tests/integration``.
    """
    try:
        import timm
        import torch
    except (ImportError, RuntimeError):  # the second from a torchvision that is not its torch's
        changed = {name: getattr(record, name) for name in ("embed_dim", "depths") if getattr(record, name) is not None}
        model = create_model(record.variant, weights=str(Path(folder) / WEIGHTS), **changed)
        return Predictor(model, engine="dygraph").logits, "this package's reader of timm's files, for want of timm"
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()

    def run(x):
        with torch.inference_mode():
            return model(torch.from_numpy(x)).numpy()

    return run, "timm"
