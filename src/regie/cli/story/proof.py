"""Act 6: the chain of causes leads back to a breach, and the chain of records shows what was altered."""

import json

from regie.cli.story import tamper
from regie.cli.story.stage import MODEL, Stage

CUT = 10


def proof(here: Stage, version: int) -> None:
    """Act 6: the chain of causes, and the chain of records."""
    champion = here.ran("why", f"{MODEL}@champion", "--json")
    types = [line["type"] for line in json.loads(champion.out)["lines"]]
    here.claims.expect(
        "`why flights@champion` starts at the promotion", types[:1] == ["champion.crowned"], "champion.crowned", types[:1]
    )
    wanted = {"champion.crowned", "gates.passed", "evidence", "model.registered", "reaction.fired", "quality.breached"}
    here.claims.expect("it leads back to a breach, with evidence", wanted <= set(types), sorted(wanted), sorted(set(types)))
    here.screen.raw(_indented(_to_breach(here.ran("why", f"{MODEL}@champion").out)))
    if version != int(here.api.status()["champion"]["version"]):
        told = here.ran("why", f"{MODEL}@{version}").out
        here.claims.expect(f"`why {MODEL}@{version}` leads to its breach", "quality.breached" in told, "quality.breached", told)
    here.screen.say(here.ran("audit", "verify").out.strip())
    _altered(here)


def _to_breach(text: str) -> str:
    """The chain up to its first breach: each line is time, type, subject."""
    lines = text.splitlines()
    ends = next((number for number, line in enumerate(lines) if line.split("  ")[1:2] == ["quality.breached"]), len(lines) - 1)
    return "\n".join(lines[: ends + 1])


def _altered(here: Stage) -> None:
    """A changed byte is found; a cut tail is found by who kept an anchor."""
    home, expect = here.regie.home, here.claims.expect
    anchor = home / "anchor.json"
    here.ran("audit", "anchor", "--file", str(anchor))
    changed = tamper.copy(home / "regie.db", home / "changed.db")
    record = tamper.change_one_byte(changed)
    found = here.regie.command("audit", "verify", "--database", str(changed))
    named = found.code == 1 and f"record {record}" in found.err
    expect("one changed byte is found and its record named", named, f"exit code 1, record {record}", f"{found.code}: {found.err}")
    here.screen.say(f"a copy with one byte changed: {found.err.strip().splitlines()[0]}")
    cut = tamper.copy(home / "regie.db", home / "cut.db")
    tamper.cut_tail(cut, CUT)
    whole = here.regie.command("audit", "verify", "--database", str(cut))
    expect("a chain without its tail looks whole by itself", whole.code == 0, "exit code 0", f"{whole.code}: {whole.err}")
    found = here.regie.command("audit", "verify", "--database", str(cut), "--anchor", str(anchor))
    expect(
        "the anchor finds the cut tail", found.code == 1 and "cut" in found.err, "exit code 1: cut", f"{found.code}: {found.err}"
    )
    here.screen.say(f"a copy without its last {CUT} records: {found.err.strip().splitlines()[0]}")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
