"""Every router of the product, literally: nothing registers itself. Jobs are in `kinds.py`, which the worker reads without any of this."""

from fastapi import APIRouter

from regie.app.api import (
    actors,
    approvals,
    blobs,
    clock,
    collections,
    datasets,
    labels,
    models,
    nodes,
    pipelines,
    rollouts,
    spec,
    status,
    system,
)

ROUTERS: tuple[APIRouter, ...] = (
    system.router,
    spec.router,
    status.router,
    pipelines.router,
    models.router,
    rollouts.router,
    approvals.router,
    datasets.router,
    labels.router,
    clock.router,
    nodes.router,
    actors.router,
    blobs.router,
    collections.router,
)
