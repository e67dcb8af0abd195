"""The version of this program: the one place that states it (pyproject.toml reads it here)."""

VERSION = "0.1.0"
