"""What the documentation says of `regie.yaml` is what the parser does."""

import re
from pathlib import Path

import pytest

from regie.metrics.catalogue import CATALOGUE
from regie.spec.expressions import METRICS, QUALITY
from regie.spec.load import parse
from regie.spec.read import from_json
from regie.spec.schema import REACTION_EVENTS, RESERVED, SHAPES

ROOT = Path(__file__).parents[3]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCKS = [
    (page, block)
    for page in PAGES
    if page.exists()
    for block in re.findall(r"```yaml\n(regie: 1\n.*?)```", page.read_text(), flags=re.DOTALL)
]


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[page.name for page, _ in BLOCKS])
def test_every_example_in_the_documentation_is_accepted(page, block):
    spec = parse(block, page).spec
    assert from_json(spec.to_json()) == spec


def test_every_key_event_and_reserved_word_is_documented():
    page = (ROOT / "docs/reference/regie-yaml.md").read_text()
    for shape in SHAPES.values():
        for key in shape["properties"]:
            assert re.search(rf"[`.{{ ]{key}[`:,.}} ]", page), key
    assert all(f"`{event}`" in page for event in REACTION_EVENTS)
    assert all(f"`{name.split('.')[1]}`" in page for name in RESERVED)


def test_every_metric_of_the_grammar_is_documented():
    page = (ROOT / "docs/reference/expressions.md").read_text()
    assert [name for name in METRICS if not re.search(rf"\b{name}\b", page)] == []


def test_reactions_start_from_events_that_exist():
    page = (ROOT / "docs/reference/events.md").read_text()
    assert all(f"`{event}`" in page for event in REACTION_EVENTS)


def test_the_grammar_and_the_catalogue_know_the_same_quality_metrics_and_what_is_better():
    assert {name: METRICS[name].better for name in QUALITY} == {name: metric.better for name, metric in CATALOGUE.items()}
