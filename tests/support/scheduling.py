"""Which tests run in the same process, and which run first."""

from typing import Any

from xdist.scheduler import LoadFileScheduling

_SYSTEM = "tests/system/"
# Files with few but long tests. If one of them began last, it would run alone.
_LONG = (
    "tests/crashes/",
    "tests/docs/test_walk.py",
    "tests/cli/test_demo.py",
    "tests/test_wheel.py",
    "tests/api/test_large_uploads.py",
)


class OneProcessForTheSystem(LoadFileScheduling):  # type: ignore[misc]
    """Runs the tests of a file in one process, and all tests of the running system in one."""

    def _split_scope(self, nodeid: str) -> Any:
        return _SYSTEM if nodeid.startswith(_SYSTEM) else super()._split_scope(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        """Begin with the long tests. By default, the files with the most tests come first."""
        first = next((scope for scope in self.workqueue if scope.startswith(_LONG)), None)
        for scope in (first, _SYSTEM):
            if scope in self.workqueue:
                self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)
