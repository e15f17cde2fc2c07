"""The caller of a request, and the caller's permissions."""

from dataclasses import dataclass

from order_factory.models.values.statuses import Mode


@dataclass(frozen=True)
class Caller:
    """The owner of a token. `name` identifies it in logs, limits and idempotency; not a secret."""

    name: str
    mode: Mode
    scopes: frozenset[str]
    rate_limits: str | None = None

    @property
    def may_write(self) -> bool:
        return "write" in self.scopes

    @property
    def may_read(self) -> bool:
        return bool(self.scopes & {"read", "write"})
