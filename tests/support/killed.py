"""A process that copies a batch and is killed before the commit, when all rows are written."""

import os
import signal
import sys

from order_factory.tasks.copying.recipe import STEPS
from tests.support.copying import copy_batch


def die(_db, _batch):
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    STEPS.append(die)
    copy_batch(int(sys.argv[1]))
