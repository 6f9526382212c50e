"""InterpretDL's LIME, made to work by subclassing. Importing this module imports InterpretDL; ``lime.py`` does it late.

Segmentation, drawing law of the masks, kernel, distance and surrogate are InterpretDL's own code. Overridden is what
does not run on today's scikit-learn, and the loop that perturbs one sample after another.
"""

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import pairwise_distances
from tqdm import tqdm

from ..errors import FasterNetError
from .interpretdl import load_interpretdl

_lime_base = load_interpretdl("interpreter._lime_base")
SMALLEST_EIGENVALUE = 1e-9  # of the normal equations, relative; below it the masks do not determine the weights

compute_segments = _lime_base.compute_segments  # quickshift(image, sigma=1), deterministic


class BatchLimeBase(_lime_base.LimeBase):
    """``LimeBase`` whose perturbed samples are made and predicted a batch at a time.

    Args:
        seed: of the masks; the same seed draws the masks that InterpretDL draws.
        progress: show a bar with samples/s, where standard error is a terminal.
    """

    def __init__(self, seed, progress=False):
        super().__init__(random_state=seed)
        self.progress = progress
        self.fits = {}

    def fit(self, picture, superpixels, classify, classes, num_samples, batch_size):
        """Fit the surrogate of each class.

        Args:
            picture: uint8 ``(H, W, 3)``.
            superpixels: int ``(H, W)``, 0 to S - 1.
            classify: bool masks ``(N, S)`` -> probabilities ``(N, K)``.
            classes: C class numbers.
            num_samples: masks drawn; the first shows everything.
            batch_size: masks a call of ``classify``.

        Returns:
            (weights float64 ``(C, S)``, intercepts float64 ``(C,)``, R2 float64 ``(C,)``)
        """
        self.segments = superpixels  # else InterpretDL would keep those of the image before
        self.fits = {}
        # alpha=0 and normalize=True, as InterpretDL asks, is the least-squares fit whether columns are scaled or not.
        least_squares = Ridge(alpha=0, fit_intercept=True)
        self.interpret_instance(picture, classify, classes, num_samples, batch_size, model_regressor=least_squares)
        weights, intercepts, r2 = zip(*(self.fits[label] for label in classes), strict=True)
        return np.stack(weights), np.array(intercepts), np.array(r2)

    def _data_labels(self, image, segments, classifier_fn, num_samples, batch_size, hide_color, distance_metric):
        superpixels = int(segments.max()) + 1
        masks = self.random_state.randint(0, 2, num_samples * superpixels).reshape(num_samples, superpixels)
        masks[0] = 1
        distances = pairwise_distances(masks, masks[:1], metric=distance_metric).ravel()
        self._check_determined(masks, distances)  # before the long part
        predictions = []
        bar = tqdm(total=num_samples, desc="lime", unit="sample", disable=None if self.progress else True)
        with bar:
            for start in range(0, num_samples, batch_size):
                batch = masks[start : start + batch_size].astype(bool)
                predictions.append(classifier_fn(batch))
                bar.update(len(batch))
        return masks, np.concatenate(predictions), distances

    def _check_determined(self, masks, distances):
        design = np.column_stack([np.ones(len(masks)), masks]) * np.sqrt(self.kernel_fn(distances))[:, None]
        eigenvalues = np.linalg.eigvalsh(design.T @ design)
        if len(masks) <= masks.shape[1] or eigenvalues[0] <= SMALLEST_EIGENVALUE * eigenvalues[-1]:
            raise FasterNetError(
                f"LIME needs more samples than superpixels, got {len(masks)} samples for {masks.shape[1]} superpixels; "
                f"take at least {10 * (masks.shape[1] + 1)}"
            )

    def _fitting_data(self, data, probabilities, distances, label, ordered=True, model_regressor=None):
        fit = super()._fitting_data(data, probabilities, distances, label, ordered, model_regressor)
        intercept, weights, r2, _ = fit
        column = np.empty(len(weights))
        for superpixel, weight in weights:
            column[superpixel] = weight
        constant = _is_constant(probabilities[:, label])  # then R2 would describe rounding errors
        self.fits[label] = (column, float(intercept), float("nan") if constant else float(r2))
        return fit


def _is_constant(probabilities):
    return np.ptp(probabilities) <= 4 * np.finfo(np.float32).eps * np.abs(probabilities).max()
