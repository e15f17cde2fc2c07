"""The ways in which the parts of a batch can be carried out; the copies are the same with each."""

from typing import Literal

Runner = Literal["threads", "dask", "workers", "flow_runs"]
