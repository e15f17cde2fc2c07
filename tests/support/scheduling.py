"""Which tests run in the same process, one after the other: those of a file, or of one system."""

from typing import Any

from xdist.scheduler import LoadFileScheduling

_SYSTEM = "tests/system/"


class OneProcessForTheSystem(LoadFileScheduling):  # type: ignore[misc]
    """All files that share the running system go to one process, so that it is started once."""

    def _split_scope(self, nodeid: str) -> Any:
        return _SYSTEM if nodeid.startswith(_SYSTEM) else super()._split_scope(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        # It takes longest, and would else come last, since it has few tests.
        if _SYSTEM in self.workqueue:
            self.workqueue.move_to_end(_SYSTEM, last=False)
        super()._assign_work_unit(node)
