"""Applying the automations of the files under automations/, each once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import yaml
from pydantic import ValidationError

from order_factory.models.errors import InvalidRequest

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

NOTIFY_URL = "ORDER_FACTORY_NOTIFY_URL"
_BLOCK = "order-factory"


def apply_automations(
    client: "SyncPrefectClient", deployments: Mapping[str, UUID], folder: Path
) -> tuple[list[str], list[str]]:
    """Create or update the automation of each file; returns the names applied and left out.

    An action names its deployment as `flow/deployment`. An automation that sends a notification is
    left out unless ORDER_FACTORY_NOTIFY_URL is set. An automation that a person switched off stays
    off. Raises `InvalidRequest` for an invalid file.
    """
    from prefect.events.schemas.automations import AutomationCore

    applied, left_out = [], []
    notify = _save_notification_block() if os.environ.get(NOTIFY_URL) else None
    for file in sorted(folder.glob("*.yaml")):
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        if notify is None and any(a["type"] == "send-notification" for a in document["actions"]):
            left_out.append(document["name"])
            continue
        for action in document["actions"]:
            _insert_ids(file, action, deployments, notify)
        known = client.find_automation(document["name"])
        try:
            automation = AutomationCore.model_validate(
                document | ({} if known is None else {"enabled": known.enabled})
            )
        except ValidationError as error:
            raise InvalidRequest(f"{file.name} is not an automation: {error}") from error
        if known is None:
            client.create_automation(automation)
        else:
            client.update_automation(known.id, automation)
        applied.append(automation.name)
    return applied, left_out


def _insert_ids(
    file: Path, action: dict[str, Any], deployments: Mapping[str, UUID], notify: UUID | None
) -> None:
    if action["type"] == "send-notification":
        action["block_document_id"] = str(notify)
    name = action.pop("deployment", None)
    if name is None:
        return
    if name not in deployments:
        raise InvalidRequest(f"{file.name} names the deployment {name!r}, which does not exist.")
    action |= {"source": "selected", "deployment_id": str(deployments[name])}


def _save_notification_block() -> UUID:
    """A block that posts a JSON object with one `text`, as chat services accept it."""
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    block = CustomWebhookNotificationBlock(
        name="order-factory",
        url=os.environ[NOTIFY_URL],
        method="POST",
        params=None,
        headers=None,
        cookies=None,
        json_data={"text": "{{subject}}\n{{body}}"},
    )
    key = block.save(_BLOCK, overwrite=True)
    assert isinstance(key, UUID)
    return key
