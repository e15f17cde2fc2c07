"""Stored files: files of clients, in pieces, until they are no longer needed."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, func
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base, Id


class StoredFile(Base):
    """A file with its name, its size in bytes and its SHA-256 digest.

    It is in the database, so the transaction that needs it can store it, and any machine can read
    it. Another row refers to it while it is needed.
    """

    __tablename__ = "stored_files"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  (read by SQLAlchemy as is)

    id: Mapped[Id]
    name: Mapped[str]
    bytes_count: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StoredFilePiece(Base):
    """A compressed piece of a stored file. The pieces are numbered from 1."""

    __tablename__ = "stored_file_pieces"
    __table_args__ = (
        Index("uq_stored_file_pieces_file_id_number", "file_id", "number", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_files.id"))
    number: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)
