"""MLflow's entities, and what runs measure.

`wall` in a time's name: the machine's or the client's clock, as MLflow's wire carries it. Measurements point to a run by its short
integer `key`, because a run's id in each of a hundred million metric rows would be most of the table. A run's name is its tag
`mlflow.runName`, in one place only.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text

from regie.store.tables import MEASUREMENT, domain, metadata

experiments = Table(
    "experiments", metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("name", String(500), nullable=False),
    Column("lifecycle", String(16), nullable=False),  # active, deleted; a deleted one still owns its name
    Column("created_wall_ms", BigInteger, nullable=False),
    Column("updated_wall_ms", BigInteger, nullable=False),
    Index("uq_experiments_name", "workspace", "name", unique=True),
    info=domain(),
)  # fmt: skip

experiment_tags = Table(
    "experiment_tags", metadata,
    Column("experiment_id", String(64), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    info=domain(),
)  # fmt: skip

runs = Table(
    "runs", metadata,
    Column("key", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("workspace", String(64), nullable=False),
    Column("experiment_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # empty, pipeline, task: the worker sets the status of the last two
    Column("user", String(250), nullable=False),
    Column("status", String(16), nullable=False),  # RUNNING, SCHEDULED, FINISHED, FAILED, KILLED
    Column("start_wall_ms", BigInteger, nullable=False),
    Column("end_wall_ms", BigInteger),
    Column("lifecycle", String(16), nullable=False),  # active, deleted; removed: a tombstone, in no workspace and no experiment
    Column("deleted_wall_ms", BigInteger),
    Column("deleted_with_experiment", Boolean),  # to be restored with it
    Index(None, "experiment_id", "lifecycle", "start_wall_ms"),
    info=domain(),
)  # fmt: skip

run_tags = Table(
    "run_tags", metadata,
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    info=MEASUREMENT, sqlite_with_rowid=False,
)  # fmt: skip

params = Table(
    "params", metadata,
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    info=MEASUREMENT, sqlite_with_rowid=False,
)  # fmt: skip

# The key is the whole point, so that the same point twice is one point; its order is the order of a history.
metrics = Table(
    "metrics", metadata,
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("key", String(250), primary_key=True),
    Column("timestamp_wall_ms", BigInteger, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("value", Float(53), primary_key=True),
    Column("is_nan", Boolean, primary_key=True),  # SQLite stores NaN as NULL
    info=MEASUREMENT, sqlite_with_rowid=False,
)  # fmt: skip

latest_metrics = Table(
    "latest_metrics", metadata,
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("key", String(250), primary_key=True),
    Column("value", Float(53), nullable=False),
    Column("is_nan", Boolean, nullable=False),
    Column("timestamp_wall_ms", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    info=MEASUREMENT, sqlite_with_rowid=False,
)  # fmt: skip

run_inputs = Table(
    "run_inputs", metadata,
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("name", String(500), primary_key=True),
    Column("digest", String(128), primary_key=True),
    Column("source_type", String(64), nullable=False),
    Column("source", Text, nullable=False),
    Column("schema", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("context", String(250), nullable=False),
    Column("tags", Text, nullable=False),  # JSON
    info=MEASUREMENT,
)  # fmt: skip

run_models = Table(
    "run_models", metadata,
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("direction", String(8), primary_key=True),  # input, output
    Column("model_id", String(64), primary_key=True),
    Column("step", BigInteger, nullable=False),
    info=MEASUREMENT,
)  # fmt: skip

artifacts = Table(
    "artifacts", metadata,
    Column("workspace", String(64), primary_key=True),
    Column("root", String(100), primary_key=True),  # runs/ID, models/m-ID, traces/ID
    # Ordered by its bytes, as on SQLite: a folder is a range of paths.
    Column("path", String(1000).with_variant(String(1000, collation="C"), "postgresql"), primary_key=True),
    Column("digest", String(71), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Index(None, "digest"),
    info=MEASUREMENT,
)  # fmt: skip

logged_models = Table(
    "logged_models", metadata,
    Column("id", String(64), primary_key=True),  # m- and 32 hex digits
    Column("workspace", String(64), nullable=False),
    Column("experiment_id", String(64), nullable=False),
    Column("name", String(500), nullable=False),
    Column("type", String(250), nullable=False),
    Column("source_run_id", String(32), nullable=False),
    Column("status", Integer, nullable=False),  # 1 pending, 2 ready, 3 upload failed
    Column("creator", String(250), nullable=False),
    Column("lifecycle", String(16), nullable=False),
    Column("created_wall_ms", BigInteger, nullable=False),
    Column("updated_wall_ms", BigInteger, nullable=False),
    Index(None, "experiment_id", "lifecycle", "created_wall_ms"),
    Index(None, "source_run_id"),
    info=domain(),
)  # fmt: skip

logged_model_tags = Table(
    "logged_model_tags", metadata,
    Column("model_id", String(64), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    info=MEASUREMENT,
)  # fmt: skip

logged_model_params = Table(
    "logged_model_params", metadata,
    Column("model_id", String(64), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    info=MEASUREMENT,
)  # fmt: skip

logged_model_metrics = Table(
    "logged_model_metrics", metadata,
    Column("model_id", String(64), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("run_id", String(32), primary_key=True),
    Column("timestamp_wall_ms", BigInteger, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("dataset_name", String(500), primary_key=True),
    Column("dataset_digest", String(128), primary_key=True),
    Column("value", Float(53), nullable=False),
    Column("is_nan", Boolean, nullable=False),
    info=MEASUREMENT,
)  # fmt: skip
