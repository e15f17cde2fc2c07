"""A process that copies a batch and is killed in the middle of it: all is written, none committed."""

import os
import signal
import sys

from order_factory.tasks.copying import engine
from tests.support.copying import copy_batch, plain_steps


def die(_db, _batch):
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    plain = plain_steps()
    engine.STEPS = (*plain["STEPS"], die)
    copy_batch(int(sys.argv[1]))
