"""Read requests: the response for each kind of target."""

from sqlalchemy import Connection

from order_factory.api.answers import Answer, render
from order_factory.api.attachments import send_attachment
from order_factory.api.batch_reports import send_failed_rows, send_report, show_report
from order_factory.api.caller import Caller
from order_factory.api.differences import show_differences
from order_factory.api.errors import unavailable, wrong_parameter
from order_factory.api.incoming import Incoming, make_view
from order_factory.api.presenting import Json, View
from order_factory.api.reading import list_related, list_resources, retrieve, show_linkage
from order_factory.api.settings import api_settings
from order_factory.api.targets import Kind, Target
from order_factory.models.database.time_limits import QueryTooLong, check_time_limit, time_limit

_REPORT_FACTOR = 60


def read(db: Connection, incoming: Incoming, target: Target, caller: Caller) -> Answer:
    """Return the answer to a GET. Raises `ApiError`."""
    try:
        # A report reads every copy of its batch once, perhaps a million, and takes no filter.
        seconds = api_settings().query_seconds
        if target.is_file:
            seconds *= _REPORT_FACTOR
        with time_limit(db, seconds):
            view = make_view(incoming, target, caller)
            if target.kind == Kind.REPORT_FILE:
                answer = send_report(db, target.name, target.ending, view)
            elif target.kind == Kind.ATTACHMENT:
                answer = send_attachment(db, target.name, view)
            elif target.kind == Kind.FAILED_ROWS:
                answer = send_failed_rows(db, target.name, target.ending, view)
            else:
                answer = Answer(200, render(_read_document(db, incoming, target, view)))
            check_time_limit()
    except QueryTooLong as error:
        filters = [name for name, _ in incoming.pairs if name.startswith("filter")]
        if not filters:
            raise unavailable() from error
        detail = "The query takes too long. Use a filter that matches fewer resources."
        raise wrong_parameter("QUERY_TOO_LONG", filters[0], "Query too long", detail) from error
    return answer


def _read_document(db: Connection, incoming: Incoming, target: Target, view: View) -> Json:
    resource, name, pairs = target.resource, target.name, incoming.pairs
    match target.kind:
        case Kind.COLLECTION:
            return list_resources(db, resource, view, pairs)
        case Kind.RESOURCE:
            return retrieve(db, resource, name, view)
        case Kind.REPORT:
            return show_report(db, name, view)
        case Kind.DIFFERENCES:
            return show_differences(db, resource, name, view)
        case Kind.RELATED:
            assert target.relationship is not None
            return list_related(db, resource, name, target.relationship, view, pairs)
        case Kind.LINKAGE:
            assert target.relationship is not None
            return show_linkage(db, resource, name, target.relationship, view, pairs)
        case Kind.REPORT_FILE | Kind.FAILED_ROWS | Kind.ATTACHMENT:
            raise AssertionError("a file is not a document")
