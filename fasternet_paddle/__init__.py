"""FasterNet (CVPR 2023) in PaddlePaddle: the network, its training, and explanations that can be trusted.

Public names are looked up on first use (PEP 562), so that importing the package costs nothing and works without
PaddlePaddle; using a name that needs it then says so.
"""

import importlib

__version__ = "0.1.0"

_HOME = {
    "FasterNetError": "errors",
    "TrainConfig": "config",
    "MixupImage": "data.transforms",
    "denormalize": "data.transforms",
    "test_transform": "data.transforms",
    "train_transform": "data.transforms",
    "get_cifar10_labels": "data.datasets",
    "load_dataset": "data.datasets",
    "make_loader": "data.loaders",
    "make_loaders": "data.loaders",
    "LabelSmoothingCrossEntropy": "model.losses",
    "label_smoothing_cross_entropy": "model.losses",
    "DWConv": "model.layers",
    "DropPath": "model.layers",
    "FullConv": "model.layers",
    "MIXERS": "model.layers",
    "PConv": "model.layers",
    "drop_path": "model.layers",
    "FasterNet": "model.fasternet",
    "FasterNetBlock": "model.fasternet",
    "VARIANTS": "model.fasternet",
    "create_model": "model.fasternet",
    "fasternet_l": "model.fasternet",
    "fasternet_m": "model.fasternet",
    "fasternet_s": "model.fasternet",
    "fasternet_t0": "model.fasternet",
    "fasternet_t1": "model.fasternet",
    "fasternet_t2": "model.fasternet",
    "History": "training.metrics",
    "load_run": "runs.run",
    "load_weights": "runs.run",
    "fit": "training.trainer",
    "make_optimizer": "training.trainer",
    "train_one_epoch": "training.trainer",
    "validate": "training.trainer",
    "Predictor": "inference.predictor",
    "loop_throughput": "inference.throughput",
    "model_throughput": "inference.throughput",
    "Explanation": "explaining.explanation",
    "load_explanation": "explaining.explanation",
    "Lime": "explaining.lime",
    "LIMECVInterpreter": "explaining.lime",
    "measure_faithfulness": "explaining.faithfulness",
    "measure_stability": "explaining.stability",
    "plot_learning_curve": "results.plots",
    "show_images": "results.plots",
    "show_predictions": "results.plots",
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
