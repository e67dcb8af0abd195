"""People's decisions on a real database, without processes: what is asked, who answers, and that nothing is released around them."""

import random
import threading
from contextlib import suppress

import pytest
from sqlalchemy import insert, select, update

from regie.base.canonical import canonical
from regie.base.clock import DAY_MS
from regie.base.errors import Conflict, NotAllowed, NotFound
from regie.gates import changes as gates
from regie.gates import queries as judged
from regie.loop import approve, dossier, react, release, rollback, why
from regie.loop.authors import authors
from regie.pipelines.tables import pipeline_runs
from regie.registry import changes as registered
from regie.registry import queries as registry
from regie.registry.tables import champions, model_versions
from regie.rollout import queries
from regie.spec.load import parse
from regie.store import events
from regie.store.tables import audit_records, specs, workspaces
from regie.store.types import LOCAL, NOBODY_CAUSE, Actor
from tests.support.place import NOW, SPEC, Place

ANN, BEN = Actor("ann", frozenset({"validator"})), Actor("ben", frozenset({"validator", "engineer"}))
EVE = Actor("eve", frozenset({"engineer", "owner", "scientist", "viewer"}))
ASKS = SPEC.replace("champion + 0.05]}", "champion + 0.05], approve: {by: validator, not: author, within: 5d}}")
CODE = "sha256:" + "c" * 64


@pytest.fixture
def either(store, tmp_path):
    """The place on SQLite, then on PostgreSQL."""
    return made(Place(store, tmp_path))


@pytest.fixture
def asks(sqlite_store, tmp_path):
    """A place whose file asks for approvals."""
    return made(Place(sqlite_store, tmp_path))


def made(place, text=ASKS):
    apply(place, text)
    place.node()
    return place


def apply(place, text, by="local"):
    """As `regie apply` does it, without its door."""
    spec = parse(text, place.folder / "regie.yaml").spec
    row = {
        "workspace": "loop", "document": canonical(spec.to_json()), "root": str(place.folder), "code_digest": CODE, "git": "{}",
        "applied_ms": NOW, "applied_by": by,
    }  # fmt: skip
    with place.store.change(LOCAL, "spec.apply", "loop", workspace="loop") as tx:
        if tx.execute(select(specs).where(specs.c.digest == spec.digest)).first() is None:
            tx.execute(insert(specs).values(digest=spec.digest, **row))
        tx.execute(update(workspaces).values(spec_digest=spec.digest))
        tx.event("spec.applied", "loop", digest=spec.digest, code=CODE, by=by)


def passed(place, champion=None, package=None):
    number = place.register()
    own = {"package": package or f"sha256:{number:064x}"}
    with place.under("train", "model.register") as tx:
        tx.execute(update(model_versions).where(model_versions.c.version == number).values(**own))
    with place.under("qualify", "gate.judge") as tx:
        gates.open(tx, "loop", number, NOBODY_CAUSE, tx.now_ms)
    conclude(place, number, champion)
    return number


def conclude(place, number, champion=None, outcome=gates.PASSED):
    with place.under("qualify", "gate.judge") as tx:
        gates.conclude(
            tx, qualification(place, number), outcome, "said", [], champion=champion, holdout={}, next_ms=0, cause=NOBODY_CAUSE
        )


def qualification(place, number):
    with place.store.read() as db:
        return judged.qualification(db, "loop", "loop", number)


def turn(place, times=40):
    for _ in range(times):
        with place.store.read() as db:
            wanted = queries.route(db, "loop", "loop")
        place.node(**({"loop": wanted.generation} if wanted else {}))
        if not release.turn(place.scene):
            return
    raise AssertionError("it does not come to rest")


def asked(place, number):
    with place.store.read() as db:
        return judged.approval(db, "loop", "prod", "loop", number)


def rollouts(place, number):
    with place.store.read() as db:
        return [(one.state, one.because) for one in queries.of_version(db, "loop", "loop", number)]


def told(place, *types):
    with place.store.read() as db:
        return [(one.type, one.subject, one.data.get("because")) for one in events.after(db, 0, types=types)]


def ran(place, number, by="local", code=CODE, at_ms=NOW):
    """The version comes from a run that somebody started."""
    run_id = f"{number:032x}"
    row = {
        "run_id": run_id, "workspace": "loop", "pipeline": "train", "function": "flow:train", "params": "{}", "state": "finished",
        "reason": "", "code_digest": code, "lock_digest": "", "snapshots": "{}", "git": "{}", "result": "{}", "error": "{}",
        "cause": "{}", "job_id": "", "by": by, "created_ms": at_ms,
    }  # fmt: skip
    with place.under("train", "run.finish") as tx:
        tx.execute(insert(pipeline_runs).values(row))
        tx.execute(update(model_versions).where(model_versions.c.version == number).values(run_id=run_id))


# --- what is asked, and what follows ---


def test_a_granted_version_is_released_and_why_says_by_whom(either):
    number = passed(either)
    turn(either)
    one = asked(either, number)
    assert (one.state, one.deadline_ms - one.requested_ms, one.because) == ("pending", 5 * DAY_MS, "gates.passed")
    assert rollouts(either, number) == []
    approve.grant(either.scene, ANN, "loop", number, "read the evidence")
    turn(either)
    with either.store.read() as db:
        assert either.scene.champion(db).version == number
        chain = [(line["type"], line["detail"]) for line in why.explain(either.scene, db, "loop@champion")["lines"]]
    types = [type for type, _ in chain]
    assert types[types.index("rollout.waiting") :] == [
        "rollout.waiting",
        "approval.granted",
        "approval.requested",
        "gates.passed",
    ]
    assert "by ann" in dict(chain)["approval.granted"]


def test_a_refused_version_is_never_released_and_competes_no_longer(either):
    number = passed(either)
    turn(either)
    approve.refuse(either.scene, ANN, "loop", number, "the sample is too small")
    for text in (ASKS, SPEC):
        apply(either, text)
        either.pass_days(1)
        turn(either)
    assert rollouts(either, number) == []
    with either.store.read() as db:
        assert registry.version(db, "loop", "loop", number).role == ""
    assert told(either, "approval.refused") == [("approval.refused", f"loop@{number}", "by.hand")]


def test_what_nobody_decides_in_time_expires_and_is_not_released(either):
    number = passed(either)
    turn(either)
    either.pass_days(4.99)
    turn(either)
    assert asked(either, number).state == "pending"
    either.pass_days(0.01)
    with pytest.raises(Conflict, match="ended at"):
        approve.grant(either.scene, ANN, "loop", number)  # the turn has not even looked
    turn(either)
    assert asked(either, number).state == "expired"
    with pytest.raises(Conflict, match="expired"):
        approve.grant(either.scene, ANN, "loop", number)
    apply(either, SPEC)
    turn(either)
    assert rollouts(either, number) == []


def test_while_a_version_waits_for_a_person_nothing_is_retrained_and_afterwards_the_loop_goes_on(asks):
    number = passed(asks)
    turn(asks)
    reaction = asks.scene.spec.react[0]

    def before_the_gates():
        with asks.store.read() as db:
            return react.observe(asks.scene, db, reaction).at_gates

    assert before_the_gates() == f"loop@{number}"
    asks.pass_days(5)
    turn(asks)
    assert asked(asks, number).state == "expired"
    assert before_the_gates() == ""


def test_a_newer_version_that_passed_takes_the_place_of_one_that_waits(asks):
    first = passed(asks)
    turn(asks)
    second = passed(asks)
    turn(asks)
    assert (asked(asks, first).state, asked(asks, first).because) == ("superseded", "newer.challenger")
    assert asked(asks, second).state == "pending"
    with pytest.raises(Conflict, match="asked for no longer"):
        approve.grant(asks.scene, ANN, "loop", first)
    approve.grant(asks.scene, ANN, "loop", second)
    turn(asks)
    assert [bool(rollouts(asks, one)) for one in (first, second)] == [False, True]


def released(place):
    """One more champion, its rollout over."""
    with place.store.read() as db:
        champion = place.scene.champion(db)
    number = passed(place, champion.version if champion else None)
    turn(place)
    if asked(place, number):
        approve.grant(place.scene, ANN, "loop", number)
    turn(place)
    with place.store.read() as db:
        assert place.scene.champion(db).version == number
    return number


def test_an_approval_against_another_champion_does_not_count(asks):
    released(asks)
    second = passed(asks, champion=1)
    turn(asks)
    approve.grant(asks.scene, ANN, "loop", second)
    with asks.under("release", "rollout.step") as tx:  # somebody else is champion by now
        tx.execute(update(champions).values(version=7))
    turn(asks)
    assert [state for state, _ in rollouts(asks, second)] in ([], ["superseded"])
    assert qualification(asks, second).state == "waiting"
    conclude(asks, second, champion=7)
    turn(asks)
    again = asked(asks, second)
    assert (again.state, again.because, again.about.champion) == ("pending", "evidence.judged_again", 7)
    assert not [state for state, _ in rollouts(asks, second) if state != "superseded"]


def test_evidence_that_grew_too_old_is_judged_again_and_the_time_to_decide_goes_on(asks):
    apply(asks, ASKS.replace("within: 5d", "within: 10d"))
    number = passed(asks)
    turn(asks)
    first = asked(asks, number)
    asks.pass_days(7.01)
    turn(asks)
    assert (asked(asks, number).state, asked(asks, number).because) == ("superseded", "evidence.too_old")
    with pytest.raises(Conflict, match="before the gates"):
        approve.grant(asks.scene, ANN, "loop", number)
    conclude(asks, number)
    turn(asks)
    again = asked(asks, number)
    assert (again.state, again.deadline_ms, again.about.attempt) == ("pending", first.deadline_ms, 2)
    asks.pass_days(3)
    turn(asks)
    assert asked(asks, number).state == "expired"


def test_a_file_applied_while_a_rollout_waits_holds_it_back_until_somebody_grants(asks):
    apply(asks, SPEC)
    number = passed(asks)
    assert release.turn(asks.scene)
    assert rollouts(asks, number) == [("waiting", "")]
    apply(asks, ASKS)
    turn(asks)
    assert rollouts(asks, number) == [("superseded", "approval.missing")]
    approve.grant(asks.scene, ANN, "loop", number)
    turn(asks)
    assert [state for state, _ in rollouts(asks, number)] == ["finished", "superseded"]


def test_a_file_applied_in_the_very_moment_of_the_start_is_obeyed(asks, monkeypatch):
    apply(asks, SPEC)
    number = passed(asks)
    assert release.turn(asks.scene)
    old, ready, looked = asks.scene, release._ready, []

    def applied_meanwhile(*seen):
        looked.append(ready(*seen))
        if len(looked) == 1:
            apply(asks, ASKS)
        return looked[-1]

    monkeypatch.setattr(release, "_ready", applied_meanwhile)
    assert not release.turn(old)
    assert rollouts(asks, number) == [("waiting", "")]


def test_a_file_that_asks_nobody_any_more_frees_only_versions_that_nobody_was_asked_about(asks):
    number = passed(asks)
    turn(asks)
    apply(asks, SPEC)
    turn(asks)
    assert (asked(asks, number).state, rollouts(asks, number)) == ("pending", [])
    later = passed(asks)
    turn(asks)
    assert (asked(asks, number).state, asked(asks, later)) == ("superseded", None)
    assert [bool(rollouts(asks, one)) for one in (number, later)] == [False, True]


def test_another_promise_about_the_release_is_another_question(asks):
    number = passed(asks)
    turn(asks)
    first = asked(asks, number)
    apply(asks, ASKS.replace("within: 5d", "within: 6d"))  # who is asked, and how long, is no promise about the release
    turn(asks)
    assert asked(asks, number).id == first.id
    apply(asks, ASKS.replace("shadow 1d, canary 10% for 1d, full", "full"))
    turn(asks)
    again = asked(asks, number)
    assert (again.state, again.because, again.id != first.id) == ("pending", "promise.changed", True)
    with pytest.raises(Conflict, match="asked for anew"):
        approve.grant(asks.scene, ANN, "loop", number, approval_id=first.id)
    approve.grant(asks.scene, ANN, "loop", number, approval_id=again.id)


def test_what_was_granted_of_a_release_by_stages_does_not_count_for_one_at_once(asks):
    number = passed(asks)
    turn(asks)
    approve.grant(asks.scene, ANN, "loop", number)
    assert release.turn(asks.scene)
    assert rollouts(asks, number) == [("waiting", "")]
    apply(asks, ASKS.replace("shadow 1d, canary 10% for 1d, full", "full"))
    turn(asks)
    assert rollouts(asks, number) == [("superseded", "approval.missing")]
    assert asked(asks, number).state == "pending"


def test_a_rollout_that_was_taken_back_by_hand_needs_no_decision_any_more(asks):
    number = passed(asks)
    turn(asks)
    approve.grant(asks.scene, ANN, "loop", number)
    assert release.turn(asks.scene)
    with asks.store.read() as db:
        waiting = queries.waiting(db, "loop", "loop")
    rollback.abort(asks.store, LOCAL, "loop", waiting.id, "not now")
    turn(asks)
    assert [state for state, _ in rollouts(asks, number)] == ["aborted"]
    with pytest.raises(Conflict, match="was granted by ann"):
        approve.grant(asks.scene, BEN, "loop", number)


def test_two_leaders_for_a_moment_ask_once(either):
    number = passed(either)
    scene, together, moved = either.scene, threading.Barrier(2), []

    def lead():
        together.wait()
        moved.append(release._line_up(scene, scene.serves))

    leaders = [threading.Thread(target=lead) for _ in range(2)]
    for one in leaders:
        one.start()
    for one in leaders:
        one.join()
    assert sorted(moved) == [False, True]
    assert told(either, "approval.requested") == [("approval.requested", f"loop@{number}", "gates.passed")]


# --- who ---


def refused(place, actor, number, action="approval.grant"):
    """The sentence of a refusal, which is in the audit log."""
    deed = approve.grant if action == "approval.grant" else approve.refuse
    with pytest.raises(NotAllowed) as wrong:
        deed(place.scene, actor, "loop", number, "please")
    with place.store.read() as db:
        query = select(audit_records.c.record).where(audit_records.c.result == "refused", audit_records.c.action == action)
        records = list(db.execute(query.where(audit_records.c.actor == actor.name)).scalars())
    assert len(records) == 1
    assert (wrong.value.status, wrong.value.exit_code) == (403, 4)
    assert asked(place, number).state == "pending"
    return wrong.value.what


@pytest.mark.parametrize("action", ["approval.grant", "approval.refuse"])
def test_an_author_does_not_decide_on_their_own_version(asks, action):
    number = passed(asks)
    ran(asks, number, by="ben")
    turn(asks)
    assert "`not: author`: ben started its run" in refused(asks, BEN, number, action)
    assert approve.grant(asks.scene, ANN, "loop", number).decided_by == "ann"


def test_who_applied_the_code_is_an_author_of_what_the_loop_retrains(asks):
    number = passed(asks)
    ran(asks, number, by="system:react")
    turn(asks)
    assert "local applied the code" in refused(asks, LOCAL, number)


def test_applying_it_again_under_another_name_takes_no_author_away(asks):
    apply(asks, ASKS, by="ben")
    apply(asks, ASKS, by="ann")
    number = passed(asks)
    ran(asks, number, by="system:react", at_ms=NOW + 1)
    with asks.store.read() as db:
        assert set(authors(db, "loop", "loop", number)) == {"local", "ben", "ann"}


def test_who_applied_the_file_in_force_is_an_author_whatever_the_code(asks):
    number = passed(asks)
    ran(asks, number, by="system:react", code="sha256:other")
    turn(asks)
    assert "applied the regie.yaml" in refused(asks, LOCAL, number)


def test_who_registered_a_version_by_hand_is_its_author_and_of_its_copies_too(asks):
    with asks.store.change(BEN, "model.register", "loop", workspace="loop") as tx:
        registered.ensure_model(tx, "loop")
        package = "sha256:" + "9" * 64
        first = registered.register(tx, "loop", source="x", package=package, role="challenger")
        copy = registered.register(tx, "loop", source="models:/loop/1", package=package, role="challenger", user="mallory")
    with asks.store.read() as db:
        assert authors(db, "loop", "loop", first)["ben"] == "registered it"
        assert authors(db, "loop", "loop", copy)["ben"] == "registered it (loop@1 has the same package)"


def test_a_copy_of_a_refused_version_is_barred_and_says_who_refused_it(asks):
    package = "sha256:" + "9" * 64
    first = passed(asks, package=package)
    turn(asks)
    approve.refuse(asks.scene, ANN, "loop", first, "too few rows")
    copy = passed(asks, package=package)
    for text in (ASKS, SPEC):
        apply(asks, text)
        turn(asks)
    assert (asked(asks, copy), rollouts(asks, copy)) == (None, [])
    with asks.store.read() as db:
        assert registry.version(db, "loop", "loop", copy).role == ""
        chain = [(line["type"], line["subject"]) for line in why.explain(asks.scene, db, f"loop@{copy}")["lines"]]
    assert chain[:3] == [("approval.refused", f"loop@{one}") for one in (copy, first)] + [("approval.requested", f"loop@{first}")]
    with pytest.raises(Conflict, match=f"the package of loop@{first}, which was refused by ann"):
        approve.grant(asks.scene, BEN, "loop", copy)


def test_who_decides_on_a_copy_reads_what_was_decided_on_its_package_before(asks):
    package = "sha256:" + "9" * 64
    first = passed(asks, package=package)
    turn(asks)
    asks.pass_days(5)
    turn(asks)
    copy = passed(asks, package=package)
    turn(asks)
    with asks.store.read() as db:
        read = dossier.full(asks.scene, db, judged.approval(db, "loop", "prod", "loop", copy))
    assert [(one["version"], one["state"]) for one in read["before"]] == [(first, "expired")]


@pytest.mark.parametrize("actor", [EVE, Actor("guest", frozenset({"viewer"})), Actor("nobody")])
def test_nobody_decides_without_the_role(asks, actor):
    number = passed(asks)
    turn(asks)
    assert f"{actor.name} may not approval.grant loop@1" in refused(asks, actor, number)


def test_a_tasks_token_decides_nothing(asks):
    number = passed(asks)
    turn(asks)
    task = Actor("task:1", frozenset({"validator"}), "task", "*")
    refused(asks, task, number)
    refused(asks, Actor("system:release", frozenset({"release"}), "system"), number, "approval.refuse")


# --- bad input ---


@pytest.mark.parametrize("first", ["granted", "refused"])
def test_deciding_twice_names_who_decided_and_when(asks, first):
    number = passed(asks)
    turn(asks)
    deed = approve.grant if first == "granted" else approve.refuse
    deed(asks.scene, ANN, "loop", number, "enough")
    for again in (approve.grant, approve.refuse):
        with pytest.raises(Conflict, match=rf"was {first} by ann at 20\d\d-.*: enough") as twice:
            again(asks.scene, BEN, "loop", number, "me too")
        assert (twice.value.status, twice.value.exit_code) == (409, 1)
    assert len(told(asks, "approval.granted", "approval.refused")) == 1


def test_of_two_people_who_decide_at_once_one_is_told_who_was_first(either):
    number = passed(either)
    turn(either)
    said, together = [], threading.Barrier(2)

    def press(deed, actor):
        together.wait()
        try:
            said.append(deed(either.scene, actor, "loop", number, "now").state)
        except Conflict as late:
            said.append(late.what)

    people = [threading.Thread(target=press, args=one) for one in ((approve.grant, ANN), (approve.refuse, BEN))]
    for one in people:
        one.start()
    for one in people:
        one.join()
    first = asked(either, number)
    assert first.state in said
    assert len([one for one in said if f"was {first.state} by {first.decided_by}" in one]) == 1
    assert len(told(either, "approval.granted", "approval.refused")) == 1


def test_what_cannot_be_decided_on_says_why(asks):
    with pytest.raises(NotFound, match="there is no version 9 of loop"):
        approve.grant(asks.scene, ANN, "loop", 9)
    with pytest.raises(NotFound, match="of other"):
        approve.refuse(asks.scene, ANN, "other", 1, "no")
    candidate, fresh, waiting, failed, archived = (asks.register(role) for role in ("candidate", *["challenger"] * 4))
    for number in (waiting, failed):
        with asks.under("qualify", "gate.judge") as tx:
            gates.open(tx, "loop", number, NOBODY_CAUSE, tx.now_ms)
    conclude(asks, failed, outcome=gates.FAILED)
    with asks.store.change(LOCAL, "version.change", "loop", workspace="loop") as tx:
        registered.change_version(tx, "loop", archived, stage="Archived")
    for number, says in (
        (candidate, "is a candidate: it was not chosen to compete"), (fresh, "has not come before the gates"),
        (waiting, "is before the gates"), (failed, "did not pass the gates"), (archived, "is archived"),
    ):  # fmt: skip
        with pytest.raises(Conflict, match=says):
            approve.grant(asks.scene, ANN, "loop", number)
    apply(asks, SPEC)
    free = passed(asks)
    turn(asks)
    with pytest.raises(Conflict, match="its rollout finished"):
        approve.grant(asks.scene, ANN, "loop", free)


def test_a_question_on_a_version_that_competes_no_longer_is_taken_back(asks):
    number = passed(asks)
    turn(asks)
    with asks.under("qualify", "gate.judge") as tx:
        registered.set_role(tx, "loop", number, "")
    turn(asks)
    assert (asked(asks, number).state, asked(asks, number).because) == ("superseded", "competes.no_longer")


# --- whatever happens, in whatever order ---


@pytest.mark.parametrize("seed", range(4))
def test_no_order_of_events_starts_a_rollout_without_a_granted_approval_of_its_evidence(asks, seed):
    chance, free = random.Random(seed), set()
    versions, asked_ever = [], set()

    def started():
        with asks.store.read() as db:
            return {one.id: one for one in queries.listed(db, "loop", limit=1000) if one.started_ms is not None}

    def champion():
        with asks.store.read() as db:
            found = asks.scene.champion(db)
        return found.version if found else None

    def judge():
        for number in versions[-3:]:
            if qualification(asks, number).state == "waiting":
                conclude(asks, number, champion())

    def answer(deed, actor):
        if versions:
            with suppress(Conflict, NotAllowed):
                deed(asks.scene, actor, "loop", chance.choice(versions[-2:]), "so it be")

    def give_up():
        with asks.store.read() as db:
            found = queries.running(db, "loop", "loop") or queries.waiting(db, "loop", "loop")
        if found:
            rollback.abort(asks.store, LOCAL, "loop", found.id, "chance")

    steps = [
        *[lambda: versions.append(passed(asks, champion()))] * 3, *[lambda: answer(approve.grant, ANN)] * 3, judge, judge,
        lambda: answer(approve.refuse, ANN), lambda: answer(approve.grant, EVE), give_up,
        lambda: asks.pass_days(chance.choice([0.5, 2, 6])), lambda: apply(asks, ASKS), lambda: apply(asks, SPEC),
        lambda: apply(asks, ASKS.replace("canary 10%", "canary 20%")),
    ]  # fmt: skip
    seen, grants = set(), 0
    for _ in range(70):
        chance.choice(steps)()
        for _ in range(chance.choice([0, 1, 2, 6])):
            asks_now = asks.scene.spec.model.approve is not None
            release.turn(asks.scene)
            asked_ever |= {number for number in versions if asked(asks, number)}
            for id, one in started().items():
                if id not in seen:
                    seen.add(id)
                    if asks_now or one.version in asked_ever:
                        last, evidence = asked(asks, one.version), qualification(asks, one.version)
                        assert last is not None
                        assert last.state == "granted"
                        assert (last.about.attempt, last.about.champion) == (evidence.attempts, one.incumbent)
                        assert last.about.promises == approve._promises(asks.scene)
                        grants += 1
                    else:
                        free.add(one.version)
    assert grants or free
