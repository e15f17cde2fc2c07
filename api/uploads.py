"""Uploads: a multipart body with one file, which is streamed to disk, and fields."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from order_factory.api.documents import Document
from order_factory.api.errors import ApiError, Problem, disk_full, wrong_body
from order_factory.api.json_text import parse_json
from order_factory.api.resources.description import ResourceType, Type, Writable
from order_factory.api.settings import api_settings
from order_factory.models.database.transient import is_disk_full
from order_factory.models.values.keys import clean_key
from order_factory.tasks.row_files.opening import ENDINGS
from order_factory.tasks.stored_files.packing import PackedFile

# The names of the parts: the file, and a JSON resource object with attributes.
FILE, DATA = "file", "data"
_FIELDS = 200
_FIELD_BYTES = 65_536
_LONGEST_NAME = 100
# The ending to add to a file's name that does not show its format.
_ENDING_OF_TYPE = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".ndjson",
    "application/vnd.apache.parquet": ".parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Upload:
    """An uploaded file and its document. `close` deletes the file from the disk."""

    file: PackedFile
    document: Document

    def close(self) -> None:
        self.file.close()


async def receive_form(request: Request) -> FormData:
    """The parts of the body; the file is on the disk. The caller closes it.

    Raises `ApiError`: 413 for too many bytes, 400 for a body that is not multipart, 507 for a full
    disk.
    """
    limit = api_settings().upload_limit
    declared = request.headers.get("content-length", "")
    if declared.isdigit():
        _check_size(int(declared), limit)
    parser = MultiPartParser(
        request.headers,
        _count_bytes(request, limit),
        # The file, and perhaps the JSON part as a file.
        max_files=2,
        max_fields=_FIELDS,
        max_part_size=_FIELD_BYTES,
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise _refuse_form(f"The multipart body cannot be read: {error.message}") from error
    except ClientDisconnect as error:
        raise _refuse_form("The body ended too early.") from error
    except OSError as error:
        if is_disk_full(error):
            raise disk_full() from error
        raise


async def _count_bytes(request: Request, limit: int) -> AsyncGenerator[bytes]:
    size = 0
    async for part in request.stream():
        size += len(part)
        _check_size(size, limit)
        yield part


def read_upload(resource: ResourceType, form: FormData) -> Upload:
    """Pack the file of a form, and read its fields. Takes as long as compressing the file does.

    Raises `ApiError`: 400 for a missing or repeated part, 422 for a file of another format, 507 for
    a full disk.
    """
    parts: dict[str, str | UploadFile] = {}
    for name, value in form.multi_items():
        if name in parts:
            raise _refuse_form(f"The part {name[:64]!r} is given twice.")
        parts[name] = value
    file = parts.pop(FILE, None)
    if not isinstance(file, UploadFile):
        raise _refuse_form(f"The part {FILE!r} is missing: the file, with its name.")
    name = _clean_name(file)
    document = _build_document(resource, parts)
    try:
        packed = PackedFile(name, file.file)
    except OSError as error:
        if is_disk_full(error):
            raise disk_full() from error
        raise
    if not packed.bytes_count:
        packed.close()
        raise _refuse_file(f"The file {name} is empty (0 bytes).")
    return Upload(packed, document)


def _clean_name(file: UploadFile) -> str:
    """The file's own name without folders, with the ending of a format that can be read."""
    given = (file.filename or "").replace("\\", "/").rpartition("/")[2]
    clean = "".join(each if each.isalnum() or each in "._- " else "_" for each in given)
    name = clean_key(clean)[-_LONGEST_NAME:].lstrip(".") or "file"
    if name.lower().endswith(ENDINGS):
        return name
    kind = (file.content_type or "").split(";")[0].strip().lower()
    if kind in _ENDING_OF_TYPE:
        return name + _ENDING_OF_TYPE[kind]
    raise _refuse_file(
        f"The file {name} cannot be read: its name must end in {', '.join(ENDINGS)}."
    )


def _build_document(resource: ResourceType, parts: Mapping[str, str | UploadFile]) -> Document:
    """The document that the other parts make up: a JSON resource object, and fields by name."""
    attributes: dict[str, Any] = {}
    relationships: dict[str, Any] = {}
    for name, value in parts.items():
        if name == DATA:
            continue
        if isinstance(value, UploadFile):
            raise _refuse_form(f"The part {name[:64]!r} must be a field, not a file.")
        attributes[name] = value
    writable = {each.name: each for each in resource.writables}
    attributes = {
        name: _parse_field(writable[name], text) if name in writable else text
        for name, text in attributes.items()
    }
    if DATA in parts:
        data = _parse_json_part(resource, parts[DATA])
        twice = attributes.keys() & data.attributes.keys()
        if twice:
            raise _refuse_form(f"{min(twice)} is given twice: as a field and in {DATA}.")
        attributes |= data.attributes
        relationships = data.relationships
    return Document(attributes, relationships)


def _parse_json_part(resource: ResourceType, part: str | UploadFile) -> Document:
    text = part.encode() if isinstance(part, str) else part.file.read(_FIELD_BYTES + 1)
    content: Any = None
    if len(text) <= _FIELD_BYTES:
        with suppress(ValueError):
            content = parse_json(text)
    objects = isinstance(content, dict) and all(
        isinstance(content.get(name, {}), dict) for name in ("attributes", "relationships")
    )
    if not objects or content.get("type", resource.name) != resource.name:
        raise _refuse_form(
            f"The part {DATA!r} must be a JSON object of the type {resource.name}, with its "
            f"attributes, of at most {_FIELD_BYTES} bytes."
        )
    return Document(content.get("attributes", {}), content.get("relationships", {}))


def _parse_field(writable: Writable, text: str) -> Any:
    """The value of a field in the attribute's type. The checks refuse a text that does not fit."""
    if writable.type is Type.TEXT or writable.type is Type.TIME:
        return text
    if writable.type is Type.BOOLEAN:
        return _TRUTH.get(text.strip().lower(), text)
    try:
        return parse_json(text.encode())
    except ValueError:
        return text


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        detail = f"The upload has more than {limit} bytes; send the file in several parts."
        problem = Problem(413, "PAYLOAD_TOO_LARGE", "Payload too large", detail)
        raise ApiError(problem, headers={"Connection": "close"})


def _refuse_form(detail: str) -> ApiError:
    return wrong_body("INVALID_FORM", "", "Invalid form", detail)


def _refuse_file(detail: str) -> ApiError:
    return ApiError(Problem(422, "INVALID_FILE", "Invalid file", detail, pointer=f"/{FILE}"))
