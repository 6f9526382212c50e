"""The one exception that a user can mend.

Its text is a single sentence that states the rule, the value that broke it and the way out. The command-line
entries print it and exit with code 2; in a notebook it is an ordinary ``ValueError``.
"""


class FasterNetError(ValueError):
    """Something the caller can put right: an argument, a file, a path, a missing package."""


NEEDS_PADDLE = (
    "fasternet_paddle needs PaddlePaddle, which is not installed here; run pip install paddlepaddle (CPU), or install "
    "the paddlepaddle-gpu that suits your CUDA as https://www.paddlepaddle.org.cn/install tells"
)
NEEDS_OPENMP = (
    "PaddlePaddle needs the system's OpenMP library libgomp.so.1, which is not installed; on Debian and Ubuntu run "
    "sudo apt-get install libgomp1"
)
