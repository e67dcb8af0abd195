"""What the registry knows of a version, a champion, and of the model that a workspace serves."""

from dataclasses import dataclass, field

CHAMPION, CANDIDATE, CHALLENGER = "champion", "candidate", "challenger"


@dataclass(frozen=True)
class Model:
    """A registered name. Times are business milliseconds."""

    workspace: str
    name: str
    description: str
    user: str
    last_version: int
    created_ms: int
    updated_ms: int
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    """One immutable registered version. `package`: digest of the manifest of its files."""

    workspace: str
    name: str
    version: int
    run_id: str
    source: str
    package: str
    role: str
    window: str
    seen_until_ms: int
    status: str
    stage: str
    description: str
    user: str
    logged_model_id: str
    run_link: str
    cause: str
    created_ms: int
    updated_ms: int

    @property
    def subject(self) -> str:
        """As events and audit records name it."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Champion:
    """The version in production of one endpoint in one environment, with the former one."""

    workspace: str
    endpoint: str
    environment: str
    model: str
    version: int
    former_version: int | None
    since_ms: int
    rollout_id: str
    cause: str


@dataclass(frozen=True)
class Served:
    """The model that a workspace's regie.yaml promises, and where; `environment` is the one marked `production: true`."""

    workspace: str
    model: str
    endpoint: str
    environment: str
