"""Deploying: the work pool, the deployments of prefect.yaml, and the automations."""

import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from order_factory.cli.system.parts import POOL
from order_factory.models.errors import OrderFactoryError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

ROOT = Path(__file__).parents[2]
PREFECT_FILE = ROOT / "prefect.yaml"


class NotDeployed(OrderFactoryError):
    """`prefect deploy` failed. Argument: its output."""

    status, code = 503, "not_deployed"
    detail = "The deployments of prefect.yaml could not be applied:\n{}"


class Deployment(BaseModel, frozen=True):
    """The names of the work pool, the deployments and the automations on the server."""

    work_pool: str
    deployments: list[str]
    automations: list[str]
    left_out: list[str]


def deploy() -> Deployment:
    """Apply everything on the server of PREFECT_API_URL; a repeated call changes nothing.

    Raises `NotDeployed`, and `InvalidRequest` for an invalid automation.
    """
    from prefect.client.orchestration import get_client

    from order_factory.cli.system.automations import apply_automations

    with get_client(sync_client=True) as client:
        make_pool(client)
        _deploy_all()
        names = {
            deployment.id: f"{client.read_flow(deployment.flow_id).name}/{deployment.name}"
            for deployment in client.read_deployments()
            if deployment.work_pool_name == POOL
        }
        applied, left_out = apply_automations(
            client, {name: key for key, name in names.items()}, ROOT / "automations"
        )
    return Deployment(
        work_pool=POOL,
        deployments=sorted(names.values()),
        automations=applied,
        left_out=left_out,
    )


def make_pool(client: "SyncPrefectClient") -> None:
    """Create the work pool of processes, unless it exists."""
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists

    try:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    except ObjectAlreadyExists:
        pass


def _deploy_all() -> None:
    # In another process, importing Prefect and the flows again would take longer than this.
    from prefect.cli import app

    output = StringIO()
    own_arguments = sys.argv
    sys.argv = ["prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(PREFECT_FILE)]
    try:
        with redirect_stdout(output), redirect_stderr(output):
            app()
    except SystemExit as end:
        if end.code:
            raise NotDeployed(output.getvalue().strip()) from None
    finally:
        sys.argv = own_arguments


def start_deploying() -> subprocess.Popen[str]:
    """Start `order-factory deploy` as a process; its output can be read from it."""
    return subprocess.Popen(
        [sys.executable, "-m", "order_factory.cli.main", "deploy"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
