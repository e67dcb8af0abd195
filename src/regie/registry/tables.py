"""Registered models and their versions; the champion of each endpoint and environment."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from regie.store.tables import crown, domain, metadata

registered_models = Table(
    "registered_models", metadata,
    Column("workspace", String(64), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("description", Text, nullable=False),
    Column("user", String(250), nullable=False),
    Column("last_version", Integer, nullable=False),  # numbers are never used again, not even after a deletion
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    info=domain(),
)  # fmt: skip

model_versions = Table(
    "model_versions", metadata,
    Column("workspace", String(64), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("run_id", String(32), nullable=False),
    Column("source", Text, nullable=False),
    Column("package", String(71), nullable=False),  # digest of its manifest; empty for what lies elsewhere
    Column("role", String(16), nullable=False),  # empty, candidate, challenger
    Column("window", String(64), nullable=False),
    Column("seen_until_ms", BigInteger, nullable=False),  # business time up to which its training may have seen rows
    Column("status", String(32), nullable=False),
    Column("stage", String(16), nullable=False),  # MLflow's deprecated stages; None under a regie.yaml
    Column("description", Text, nullable=False),
    Column("user", String(250), nullable=False),
    Column("logged_model_id", String(64), nullable=False),
    Column("run_link", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Index(None, "workspace", "role"),
    Index(None, "run_id"),
    info=domain(),
)  # fmt: skip

model_tags = Table(
    "model_tags", metadata,
    Column("workspace", String(64), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    info=domain(),
)  # fmt: skip

version_tags = Table(
    "version_tags", metadata,
    Column("workspace", String(64), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    info=domain(),
)  # fmt: skip

# Free aliases. Under a regie.yaml, `champion` and `challenger` of the served model are no rows here: they are facts.
model_aliases = Table(
    "model_aliases", metadata,
    Column("workspace", String(64), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("alias", String(255), primary_key=True),
    Column("version", Integer, nullable=False),
    info=domain(),
)  # fmt: skip

champions = Table(
    "champions", metadata,
    Column("workspace", String(64), primary_key=True),
    Column("endpoint", String(128), primary_key=True),
    Column("environment", String(64), primary_key=True),
    Column("model", String(255), nullable=False),
    Column("version", Integer, nullable=False),
    Column("former_version", Integer),
    Column("since_ms", BigInteger, nullable=False),
    Column("rollout_id", String(32), nullable=False),
    Column("cause", Text, nullable=False),
    info=crown("rollout.step", "rollout.abort", "model.rollback"),
)  # fmt: skip
