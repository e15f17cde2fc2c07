"""The ways to run the parts of a batch. The copies are the same with each."""

from typing import Literal

Runner = Literal["threads", "dask", "workers", "flow_runs"]
