"""Webhooks and their deliveries, and events of other resources than copies."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
PENDING = sa.text("status = 'pending'")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    # SQLite cannot drop NOT NULL: there, Alembic makes the table again.
    with op.batch_alter_table("events", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.alter_column("order_factory_id", existing_type=sa.BigInteger(), nullable=True)
        batch.add_column(sa.Column[int]("subject_id", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column[str]("mode", sa.String(length=4), nullable=True))
        batch.add_column(sa.Column("snapshot", JSON, nullable=True))
    has_subject = sa.text("subject_id IS NOT NULL")
    op.create_index(
        "ix_events_subject_id",
        "events",
        ["subject_id"],
        sqlite_where=has_subject,
        postgresql_where=has_subject,
    )
    op.create_table(
        "webhooks",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("callback_url", sa.Text(), nullable=False),
        sa.Column("include_resources", JSON, nullable=True),
        sa.Column("shared_secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        sa.Column("previous_secret_until", TIME, nullable=True),
        sa.Column("disabled_at", TIME, nullable=True),
        sa.Column("circuit_state", sa.String(length=8), server_default="closed", nullable=False),
        sa.Column(
            "circuit_failure_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("circuit_retry_at", TIME, nullable=True),
        sa.Column("circuit_trials", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("since_event_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("until_event_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JSON, nullable=True),
        sa.Column("created_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_webhooks_topic", "webhooks", ["topic"])
    op.create_table(
        "event_callbacks",
        sa.Column("id", KEY, nullable=False),
        sa.Column("webhook_id", KEY, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("resend", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("resource", sa.String(length=32), nullable=False),
        sa.Column("resource_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try_at", TIME, nullable=True),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("response_code", sa.String(length=8), nullable=True),
        sa.Column("response_message", sa.Text(), nullable=True),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_event_callbacks_webhook_id")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_event_callbacks_event_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_callbacks")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_event_callbacks_event_id_webhook_id_resend",
        "event_callbacks",
        ["event_id", "webhook_id", "resend"],
        unique=True,
    )
    op.create_index("ix_event_callbacks_webhook_id", "event_callbacks", ["webhook_id", "id"])
    for name, columns in (
        ("ix_event_callbacks_pending", ["webhook_id", "event_id"]),
        ("ix_event_callbacks_pending_resource", ["resource_id", "event_id"]),
    ):
        op.create_index(
            name, "event_callbacks", columns, sqlite_where=PENDING, postgresql_where=PENDING
        )
    op.create_index("ix_event_callbacks_ended_at", "event_callbacks", ["ended_at"])


def downgrade() -> None:
    raise NotImplementedError("A schema is never taken back to an earlier version.")
