"""Learning from a teacher's answers (Hinton et al. 2015, arXiv 1503.02531).

distil = Distillation(teacher, temperature=2.0, alpha=0.5)
loss = distil(criterion(logits, labels), logits, images)
"""

import paddle
import paddle.nn.functional as F

from ..data.classes import shortened
from ..errors import FasterNetError
from ..inference.exported import is_exported, open_exported
from ..runs.run import load_run


class Distillation:
    """Mixes a loss of labels with the teacher's: ``(1 - alpha) * loss + alpha * T^2 * KL(teacher || student)``.

    Both distributions are softened by the temperature T; T^2 keeps the size of the gradient. The mean is over samples.

    Args:
        teacher: callable from images ``(N, 3, H, W)`` to logits ``(N, K)``.
        temperature, alpha: of the formula.
    """

    def __init__(self, teacher, temperature=1.0, alpha=0.5):
        self.teacher, self.temperature, self.alpha = teacher, temperature, alpha

    def __call__(self, loss, logits, images):
        with paddle.no_grad():
            wanted = self.teacher(images) / self.temperature
        answer = F.log_softmax(logits / self.temperature, axis=-1)
        divergence = (F.softmax(wanted, axis=-1) * (F.log_softmax(wanted, axis=-1) - answer)).sum(axis=-1).mean()
        return (1 - self.alpha) * loss + self.alpha * self.temperature**2 * divergence


def read_teacher(path, record):
    """A callable from images to logits, float32 ``(N, K)``, in the order of a student's classes.

    Args:
        path: weights of any family, a name of published ones, or an exported folder.
        record: ``Record`` of the student.

    Raises:
        FasterNetError: it cannot be read, or it has other classes or another normalisation.
    """
    try:
        exported = open_exported(path) if is_exported(path) else None
        run = None if exported else load_run(path)
    except FasterNetError as error:
        raise FasterNetError(str(error), change="teacher") from None
    its = exported.record if exported else run.record
    if sorted(its.class_names) != sorted(record.class_names):
        raise FasterNetError(
            f"the teacher {path} knows the classes {shortened(its.class_names)}, the data have "
            f"{shortened(record.class_names)}",
            change="teacher",
        )
    if (its.mean, its.std) != (record.mean, record.std):
        raise FasterNetError(f"the teacher {path} was trained on images normalised otherwise", change="teacher")
    order = paddle.to_tensor([its.class_names.index(name) for name in record.class_names])

    def teacher(images):
        answer = run.model(images) if exported is None else paddle.to_tensor(exported.logits(images.numpy()))
        return paddle.index_select(answer, order, axis=1)

    return teacher
