"""Real pictures that are there without a download: crops of the two photographs that scikit-learn brings."""

import numpy as np


def photographs(count, seed=0):
    """``count`` crops of all sizes and shapes, a list of uint8 ``(H, W, 3)``; the same seed gives the same."""
    from sklearn.datasets import load_sample_images

    draw = np.random.default_rng(seed)
    originals = load_sample_images().images  # 427 x 640 pixels
    crops = []
    for index in range(count):
        picture = originals[index % len(originals)]
        height, width = (int(draw.integers(side // 4, side + 1)) for side in picture.shape[:2])
        top, left = (int(draw.integers(0, picture.shape[axis] - side + 1)) for axis, side in enumerate((height, width)))
        crops.append(np.ascontiguousarray(picture[top : top + height, left : left + width]))
    return crops
