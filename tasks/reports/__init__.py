"""The reports of a batch for people: a file with a row per factory, and an HTML page."""

from order_factory.tasks.reports.page import write_page
from order_factory.tasks.reports.paths import page_path, report_path
from order_factory.tasks.reports.writing import write_report

__all__ = ["page_path", "report_path", "write_page", "write_report"]
