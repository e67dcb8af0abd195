"""`regie gc`: remove for good what was deleted longer ago than a window, and every blob that nothing names any more."""

from typing import TYPE_CHECKING, Any

import click

from regie.base.errors import BadInput
from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client

COUNTS = ("experiments", "runs", "logged_models", "traces", "blobs")
KEPT: tuple[show.Column, ...] = (("kept", "id"), ("because", "because"))
FEW = 20  # of what stays, on a screen; --json has all


@click.command()
@click.option(
    "--older-than",
    default="30d",
    show_default=True,
    metavar="DURATION",
    help="Deleted longer ago than this: 30d, 12h; 0 for all but the last 10 seconds.",
)
@click.option("--experiments", default="", metavar="ID,...", help="Only these experiments, and what lies in them.")
@click.option("--runs", default="", metavar="ID,...", help="Only these runs.")
@options.write
def gc(
    client: "Client", older_than: str, experiments: str, runs: str, reason: str, dry_run: bool, as_json: bool
) -> None:  # fmt: skip
    """Remove for good what was deleted: until then it can be restored.

    Runs, experiments, logged models and traces go with all that is said of them, then the blobs that nothing names any more. What a
    registered version or a pipeline's run came from is kept, and said. It comes back when all is done; begun again, it goes on.
    """
    wanted = (_window_ms(older_than), _ids(experiments), _ids(runs))
    if dry_run:
        found = client.collections.plan(*wanted)
        _say(found, as_json, "would remove")
        return
    found = client.collections.begin(*wanted, reason=reason)
    while found["state"] != "done":
        found = client.collections.step(found["id"])
    _say(found, as_json, "removed")
    show.note(f"collection {found['id']}: regie event list --type store.collected")
    show.note("undo: what was removed does not come back; what was deleted later can be restored as before")


def _say(found: dict[str, Any], as_json: bool, verb: str) -> None:
    if as_json:
        show.data(found)
        return
    removed = found["removed"]
    show.facts([(name.replace("_", " "), str(removed[name])) for name in COUNTS] + [("bytes", f"{removed['bytes']:,}")])
    kept = found.get("kept") or []
    if kept:
        show.text()
        show.rows(kept[:FEW], KEPT, False)
    show.note(f"{verb} what was deleted before the window" + (f"; {len(kept)} are kept" if kept else ""))


def _ids(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _window_ms(text: str) -> int:
    """Raises BadInput."""
    from regie.spec.phrases import parse_duration  # the grammar's durations, which other commands need not load
    from regie.spec.scanner import Malformed

    try:
        return 0 if text == "0" else parse_duration(text)
    except Malformed as wrong:
        raise BadInput(f"{text!r} is not a time: {wrong}", "--older-than", "write for example 30d, 12h, or 0") from None
