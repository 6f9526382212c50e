"""What a finished run tells: its figures, ``report.html``, and the accuracy on images that nobody has looked at yet.

    test = report_run(best, history, data, loader, speed={})      # best: the best epoch's Run

Choosing the best epoch on the images that are reported, as the notebook does, flatters; so the page says it, and where
there are test images their figure stands beside the others, here and in ``metrics.json``.
"""

import sys
from pathlib import Path

import numpy as np
import paddle

from ..data.loaders import decoded_to, make_loader
from ..data.preparation import preparation
from ..results import outputs, plots
from ..results.classes import measure_classes
from ..results.embedding import THUMBNAIL
from ..results.report import write_report
from ..runs import folder

MOST_LOGITS = 1 << 28  # held at once: 1 GiB; 26,000 images of 10,000 classes
TOP_K = 5


def report_run(run, history, data, val_loader, *, speed, after_batch=None):
    """Measure the network of ``run`` on validation and test images; write figures, page and test figures.

    Args:
        run: ``Run`` with the best epoch's network.
        history: ``History``.
        data: ``ImageData`` that it was trained on.
        val_loader: the ``Loader`` that validation went through.
        speed: words on how fast it was, by name.
        after_batch: called after each batch, without arguments.

    Returns:
        ``ClassMetrics`` of the test images; None where there are none.
    """
    work_path, config = Path(run.config.work_path), run.config
    _save_figures(history, run, data)
    _, test = _measure(run, _test_loader(run, data), after_batch)
    if test is not None:
        kept = {"test_top1": test.top1, "test_loss": test.loss, "test_images": test.images}
        folder.save_metrics(history.summary() | kept, work_path)
    answers, val = _measure(run, val_loader, after_batch)
    if val is None:
        return test
    report = outputs.run_report(
        config,
        val,
        work_path / folder.BEST_MODEL,
        data.checked,
        test=test,
        chosen_on_these=True,
        curves={name: (work_path / name).read_bytes() for name in (folder.LOSS_FIGURE, folder.ACC_FIGURE)},
        speed=speed,
    )
    images = decoded_to(data.val, THUMBNAIL).images
    write_report(
        work_path / folder.REPORT,
        outputs.with_pictures(report, *answers, images.__getitem__, outputs.names_of(images)),
    )
    return test


def _measure(run, loader, after_batch):
    """((logits, labels), ``ClassMetrics``) of a loader's images; (None, None) without a loader, or of too many."""
    if loader is None:
        return None, None
    if len(loader) * loader.sampler.batch_size * len(run.class_names) > MOST_LOGITS:
        print(
            f"note: {folder.REPORT} is left out, since the answers for its {loader.sampler.length:,} images of "
            f"{len(run.class_names):,} classes take more than {4 * MOST_LOGITS >> 30} GiB; evaluate writes it",
            file=sys.stderr,
        )
        return None, None
    logits, labels = [], []
    with paddle.no_grad():
        for images, numbers in loader:
            logits.append(run.model(images).numpy())  # (N, 3, S, S) -> (N, K)
            labels.append(numbers.numpy())
            if after_batch is not None:
                after_batch()
    answers = np.concatenate(logits), np.concatenate(labels)
    settings = {"k": TOP_K, "smoothing": run.config.label_smoothing, "seed": run.config.seed}
    return answers, measure_classes(*answers, run.class_names, **settings)


def _test_loader(run, data):
    """A loader of the test images as the validation images are loaded; None where there are none."""
    if data.test is None:
        return None
    config, prepare = run.config, preparation(run.record)
    return make_loader(
        decoded_to(data.test, prepare.at_least), prepare, config.batch_size, num_workers=config.num_workers
    )


def _save_figures(history, run, data):
    """Write the learning curves and the grid of what ``run`` predicts into its work path."""
    figures = {
        folder.LOSS_FIGURE: plots.plot_learning_curve(history.loss_record, title="loss", ylabel="CE Loss"),
        folder.ACC_FIGURE: plots.plot_learning_curve(history.acc_record, title="acc", ylabel="Accuracy"),
        folder.PREDICTIONS_FIGURE: plots.show_predictions(
            run.model, data, run.config.image_size, prepare=preparation(run.record)
        )[0].figure,
    }
    for name, figure in figures.items():
        plots.save_figure(figure, Path(run.config.work_path) / name)
