"""Which tests run in the same process, and which run first."""

from typing import Any

from xdist.scheduler import LoadFileScheduling

# These share one system, which is slow to start. The other files of the folder start their own.
_SYSTEM = "tests/system/"
_OWN_SYSTEM = ("tests/system/test_power_cut.py", "tests/system/test_login.py")
# These damage copies of one shop, which takes seconds to make on each database.
_VERIFY = "tests/tasks/verify/"
# Files with few but long tests, the longest first. If one of them began last, it would run alone.
_LONG = (
    _SYSTEM,
    "tests/crashes/test_prefect_killed.py",
    "tests/test_wheel.py",
    "tests/docs/test_walk.py",
    "tests/cli/test_demo.py",
    "tests/flows/test_what_prefect_shows.py",
    "tests/flows/test_bulk_order_factory.py",
    "tests/crashes/",
    "tests/api/test_large_uploads.py",
    _VERIFY,
    "tests/flows/",
)


class LongFilesFirst(LoadFileScheduling):  # type: ignore[misc]
    """Runs the tests of a file in one process, and those that share a system or a shop in one."""

    def _split_scope(self, nodeid: str) -> Any:
        scope = super()._split_scope(nodeid)
        if scope.startswith(_SYSTEM) and scope not in _OWN_SYSTEM:
            return _SYSTEM
        if scope.startswith(_VERIFY):
            return _VERIFY
        return scope

    def _assign_work_unit(self, node: Any) -> None:
        """Begin with the long tests. By default, the files with the most tests come first."""
        for long in _LONG:
            first = next((scope for scope in self.workqueue if scope.startswith(long)), None)
            if first is not None:
                self.workqueue.move_to_end(first, last=False)
                break
        super()._assign_work_unit(node)
