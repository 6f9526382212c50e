"""FasterNet (CVPR 2023) in PaddlePaddle: the network, its training, and explanations that can be trusted.

    from fasternet_paddle import Predictor, fasternet_t0, load_run      # or *: a notebook needs nothing else

Names are looked up on first use (PEP 562), so that importing the package costs nothing and works without PaddlePaddle;
using a name that needs it then says so. The table below is the public surface: each name and the module that defines
it, in the order in which the notebook meets them.
"""

import importlib

from .runtime.quiet import watch_for_paddle

__version__ = "0.1.0"

_MODULES = {
    "errors": ("FasterNetError", "Stopped"),
    "config": ("TrainConfig",),
    "record": ("Record",),
    # set-up
    "runtime.notebook": ("describe", "prepare", "settings"),
    "runtime.machine": ("begin", "describe_machine", "seed_everything"),
    # 1: the paper's figures
    "model.drawings": ("draw_architecture", "draw_receptive_field"),
    # 2.2: the data
    "data.transforms": ("MixupImage", "denormalize", "test_transform", "train_transform"),
    "data.datasets": ("get_cifar10_labels", "load_dataset"),
    "data.loaders": ("make_loader", "make_loaders"),
    # 2.3: the model
    "model.losses": ("LabelSmoothingCrossEntropy", "label_smoothing_cross_entropy"),
    "model.layers": ("DWConv", "DropPath", "FullConv", "MIXERS", "PConv", "drop_path"),
    "model.fasternet": (
        "FasterNet",
        "FasterNetBlock",
        "VARIANTS",
        "create_model",
        "fasternet_l",
        "fasternet_m",
        "fasternet_s",
        "fasternet_t0",
        "fasternet_t1",
        "fasternet_t2",
    ),
    "model.summary": ("count_macs", "count_parameters"),
    # 2.4: training, and what a run left
    "training.parts": ("make_parts", "run_training"),
    "training.recipes": ("load_recipe",),
    "training.optimizers": ("make_optimizer",),
    "training.session": ("Session",),
    "training.trainer": ("fit", "train_one_epoch", "validate"),
    "training.metrics": ("History",),
    "runs.run": ("load_run",),
    "weights.pdparams": ("load_weights", "save_weights"),
    # 2.5: results and explanations
    "results.plots": ("plot_learning_curve", "show_images", "show_predictions"),
    "results.classes": ("measure_classes",),
    "results.calibration": ("fit_temperature",),
    "results.figures": ("plot_classes", "plot_confusion", "plot_reliability"),
    "results.report": ("Report", "write_report"),
    "inference.exported": ("open_exported",),
    "inference.plans": ("Plan",),
    "inference.int8": ("Int8",),
    "inference.predictor": ("Predictor",),
    "inference.throughput": ("loop_throughput", "model_throughput"),
    "explaining.lime": ("LIMECVInterpreter", "Lime"),
    "explaining.explanation": ("Explanation", "load_explanation"),
    "explaining.stability": ("measure_stability",),
    "explaining.faithfulness": ("measure_faithfulness",),
    "explaining.figures": ("plot_explanation", "plot_faithfulness", "plot_stability"),
    # 3: the comparison
    "comparing.ablation": ("comparison_table", "run_ablation"),
    "comparing.trials": ("SEEDS", "accuracy_table", "plot_trials", "reference_table", "run_trials"),
    "bench.paper": ("PAPER_COST",),
    "bench.variants": (
        "loop_table",
        "measure_loop",
        "measure_variants",
        "six_variants",
        "t0_mixers",
        "variants_table",
    ),
    "bench.operators": ("draw_operators", "measure_operators", "operators_table"),
    "files.tables": ("text_table",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_HOME)

watch_for_paddle()  # the user's logging is left as it is


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
