"""Runs of two processes, disturbed at random moments: all end in time with one sentence, and go on to the same bits.

Five faults in CI, thirty in ``make soak``; the seed is printed, and taken from FASTERNET_SEED where it is set.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

FAULTS = 30 if os.environ.get("FASTERNET_SOAK") else 5


def test_every_fault_ends_in_time_and_the_run_goes_on_to_the_bit(tmp_path):
    seed = os.environ.get("FASTERNET_SEED", str(int(time.time())))
    command = [sys.executable, "-W", "ignore", "-m", "tests.fault_driver", "--folder", str(tmp_path)]
    command += ["--faults", str(FAULTS), "--seed", seed]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    print(done.stdout)
    assert done.returncode == 0, f"seed {seed}\n{done.stdout}\n{done.stderr}"
    assert f"{FAULTS} faults over" in done.stdout
