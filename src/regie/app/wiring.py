"""Every router and job of the product, literally: nothing registers itself."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter

from regie.app.api import blobs, clock, datasets, labels, models, nodes, pipelines, rollouts, spec, status, system
from regie.loop import qualify, train
from regie.loop.work import Work

ROUTERS: tuple[APIRouter, ...] = (
    system.router,
    spec.router,
    status.router,
    pipelines.router,
    models.router,
    rollouts.router,
    datasets.router,
    labels.router,
    clock.router,
    nodes.router,
    blobs.router,
)

JOBS: Mapping[str, Callable[[Work], None]] = {
    "train": train.work,
    "qualify": qualify.work,
}
