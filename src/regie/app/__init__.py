"""Doors and processes: server, worker, up; wiring; auth; migrations; the MLflow wire."""
