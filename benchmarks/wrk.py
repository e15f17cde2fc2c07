"""Load from `wrk`, which is many times faster than any server that it is used for here."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 20
_PROGRAM = "wrk"
_SCRIPT = """
local requests = {}
for line in io.lines("%s") do
  local method, path, body = line:match("([^\\t]*)\\t([^\\t]*)\\t(.*)")
  wrk.headers["Content-Type"] = body ~= "" and "application/vnd.api+json" or nil
  requests[#requests + 1] = wrk.format(method, path, wrk.headers, body ~= "" and body or nil)
end
local at = 0
function request()
  at = at %% #requests + 1
  return requests[at]
end
function done(summary, latency, _)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format('\\n{"answers": %%d, "seconds": %%f, "p50": %%f, "p99": %%f, "failed": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e6,
    latency:percentile(99) / 1e6, failed))
end
"""


@dataclass(frozen=True)
class Request:
    """One request of a load; `body` is JSON."""

    path: str
    method: str = "GET"
    body: str = ""


@dataclass(frozen=True)
class Load:
    """What a load gave: the answers, the seconds, and the seconds of half and of 99 % of them."""

    answers: int
    seconds: float
    p50: float
    p99: float
    failed: int

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


def require_wrk() -> None:
    """End the program with what to do if `wrk` is not installed."""
    if shutil.which(_PROGRAM) is None:
        sys.exit("The benchmark needs wrk to load the service. Install it: apt-get install wrk")


def load(
    url: str,
    requests: Sequence[Request],
    seconds: float,
    token: str = "",
    clients: int = CONNECTIONS,
) -> Load:
    """Send these requests over and over for this many seconds, each client one at a time."""
    with tempfile.TemporaryDirectory() as folder:
        lines = (f"{each.method}\t{each.path}\t{each.body}" for each in requests)
        listed, script = Path(folder, "requests"), Path(folder, "load.lua")
        listed.write_text("\n".join(lines) + "\n")
        script.write_text(_SCRIPT % listed)
        command = [_PROGRAM, "-t1", f"-c{clients}", f"-d{seconds:.0f}s", "--timeout", "60s"]
        command += ["-s", str(script), *(["-H", f"Authorization: Bearer {token}"] if token else [])]
        done = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    return Load(**json.loads(done.stdout.strip().splitlines()[-1]))
