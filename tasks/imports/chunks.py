"""Importing one chunk of a file in one transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from models.engine import begin
from models.statuses import Mode
from models.transient import without_values
from tasks.imports.dialects import one_import_at_a_time
from tasks.imports.inserting import find_contradictions, insert_new_rows
from tasks.imports.rejects import Reject
from tasks.imports.resources import Resource
from tasks.imports.staging import resolve_references, stage
