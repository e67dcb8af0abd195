"""Traces: what MLflow's client records of single calls, as spans, with tags, metadata and assessments."""
