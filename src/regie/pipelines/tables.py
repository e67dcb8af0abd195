"""What is stored of pipelines: runs, the attempts at their steps, what a living one prints, and the cache.

A run's id is that of its MLflow run. JSON columns are canonical JSON text; `*_wall_ms` are the machine's time.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint, text

from regie.store.tables import MACHINERY, MEASUREMENT, domain, metadata

pipeline_runs = Table(
    "pipeline_runs", metadata,
    Column("run_id", String(32), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("pipeline", String(128), nullable=False),
    Column("function", String(250), nullable=False),  # module:function
    Column("params", Text, nullable=False),
    Column("state", String(16), nullable=False),  # queued, running, finished, failed, cancelled
    Column("reason", Text, nullable=False),
    Column("code_digest", String(71), nullable=False),
    Column("lock_digest", String(71), nullable=False),  # empty until it runs
    Column("snapshots", Text, nullable=False),  # dataset to digest
    Column("git", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("job_id", String(32), nullable=False),
    Column("by", String(200), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("started_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("graph", String(71), nullable=False, server_default=text("''")),  # digest of its graph as JSON; empty until it is planned
    Column("again_of", String(32), nullable=False, server_default=text("''")),  # the run whose data, code and parameters it takes again
    Column("fresh", Text, nullable=False, server_default="[]"),  # its tasks that the cache must not answer
    Column("as_of_ms", BigInteger),  # the data's time, where it is another than that of its start
    Index(None, "workspace", "pipeline", "created_ms"),
    Index(None, "workspace", "state"),
    info=domain(),
)  # fmt: skip

tasks = Table(
    "tasks", metadata,
    Column("id", String(32), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("name", String(128), nullable=False),  # fit, fit-2: unique in its graph
    Column("window", String(32), nullable=False),  # all, last 26w; empty where there are none
    Column("step", String(250), nullable=False),  # module:function
    Column("attempt", Integer, nullable=False),  # from 1, counted on when another worker takes the run over
    Column("state", String(16), nullable=False),  # running, finished, failed, cached
    Column("cache_key", String(71), nullable=False),
    Column("parts", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("output", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("cached_from", String(32), nullable=False),  # the task that computed it, or empty
    Column("mlflow_run_id", String(32), nullable=False),
    Column("started_wall_ms", BigInteger, nullable=False),
    Column("ended_wall_ms", BigInteger),
    Column("exit", Integer),
    UniqueConstraint("run_id", "name", "window", "attempt"),
    Index(None, "workspace", "step", "id"),
    info=domain(),
)  # fmt: skip

task_logs = Table(
    "task_logs", metadata,
    Column("task_id", String(32), primary_key=True),
    Column("at_bytes", BigInteger, primary_key=True, autoincrement=False),  # where it begins in the whole log
    Column("content", LargeBinary, nullable=False),
    info=MEASUREMENT,
)  # fmt: skip

cache_entries = Table(
    "cache_entries", metadata,
    Column("workspace", String(64), primary_key=True),
    Column("key", String(71), primary_key=True),
    Column("step", String(250), nullable=False),
    Column("parts", Text, nullable=False),
    Column("output", Text, nullable=False),
    Column("task_id", String(32), nullable=False),
    Column("created_wall_ms", BigInteger, nullable=False),
    info=MACHINERY,
)  # fmt: skip
