"""Choose a subject: ``python -m fasternet_paddle.bench inference`` and its flags; ``--help`` lists the subjects."""

import importlib
import sys

from ..errors import FasterNetError
from ..runtime import cli

SUBJECTS = {  # name, which is its module's: what it measures
    "inference": "the forward pass: the notebook's way against this package's, and other engines",
    "training": "the training step: the notebook's loop against this package's",
    "scaling": "training in 1 to N processes, and an estimate for more",
    "pipeline": "the input pipeline: the notebook's transforms against the fast ones, and cores a GPU",
    "predict": "files to predictions: whether the network waits for decoding",
    "lime": "LIME explanations: InterpretDL as it is against this package",
    "decisions": "how many top-1 decisions bf16 and int8 change",
    "operators": "convolutions by themselves, at the shapes of the paper's table 1",
    "variants": "the six variants: cost and speed beside the paper's table 6",
}


@cli.entry
def main(argv=None):
    """Hand the flags on to the subject; returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    usage = "python -m fasternet_paddle.bench SUBJECT [flags]\n\n" + "\n".join(
        f"  {name:<12} {what}" for name, what in SUBJECTS.items()
    )
    if argv and argv[0] in ("-h", "--help"):
        print(usage)
        return 0
    if not argv or argv[0] not in SUBJECTS:
        named = f"got {argv[0]!r}" if argv else "got none"
        raise FasterNetError(f"name a subject of {', '.join(SUBJECTS)}, {named}")
    return importlib.import_module(f".{argv[0]}", __package__).main(argv[1:])


if __name__ == "__main__":
    sys.exit(main())
