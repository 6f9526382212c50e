"""FasterNet (CVPR 2023) in PaddlePaddle: the network, its training, and explanations that can be trusted.

Public names are looked up on first use (PEP 562), so that importing the package costs nothing and works without
PaddlePaddle; using a name that needs it then says so.
"""

import importlib

__version__ = "0.1.0"

_HOME = {
    "FasterNetError": "errors",
    "TrainConfig": "config",
    "MixupImage": "transforms",
    "denormalize": "transforms",
    "test_transform": "transforms",
    "train_transform": "transforms",
    "get_cifar10_labels": "datasets",
    "load_dataset": "datasets",
    "make_loader": "loaders",
    "make_loaders": "loaders",
    "LabelSmoothingCrossEntropy": "losses",
    "label_smoothing_cross_entropy": "losses",
    "DWConv": "layers",
    "DropPath": "layers",
    "FullConv": "layers",
    "MIXERS": "layers",
    "PConv": "layers",
    "drop_path": "layers",
    "FasterNet": "fasternet",
    "FasterNetBlock": "fasternet",
    "VARIANTS": "fasternet",
    "create_model": "fasternet",
    "fasternet_l": "fasternet",
    "fasternet_m": "fasternet",
    "fasternet_s": "fasternet",
    "fasternet_t0": "fasternet",
    "fasternet_t1": "fasternet",
    "fasternet_t2": "fasternet",
    "History": "metrics",
    "load_run": "checkpoint",
    "load_weights": "checkpoint",
    "fit": "trainer",
    "make_optimizer": "trainer",
    "train_one_epoch": "trainer",
    "validate": "trainer",
    "Predictor": "inference",
    "loop_throughput": "inference",
    "model_throughput": "inference",
    "Explanation": "explanation",
    "load_explanation": "explanation",
    "Lime": "lime",
    "LIMECVInterpreter": "lime_interpreter",
    "measure_faithfulness": "trust",
    "measure_stability": "trust",
    "plot_learning_curve": "plots",
    "show_images": "plots",
    "show_predictions": "plots",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f".{_HOME[name]}", __name__)
    except ModuleNotFoundError as error:
        if error.name != "paddle":
            raise
        from .errors import NEEDS_PADDLE

        raise ModuleNotFoundError(NEEDS_PADDLE, name="paddle") from None
    return getattr(module, name)


def __dir__():
    return sorted({*globals(), *__all__})
