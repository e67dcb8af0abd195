"""What a version that passed its gates still needs of a person, as a table."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.gates.approvals import OLD, About, Approval, Asked, Decision, Seen, deadline, decide, why_again

ASKED = Asked("validator", 500)
ABOUT = About("sha256:a", 1, 1000, 3, "sha256:p")
REJUDGED = replace(ABOUT, attempt=2, judged_ms=2000)
NOW = 1200


def approval(state, about=ABOUT, **more):
    known = {
        "id": "1", "workspace": "w", "environment": "prod", "model": "m", "version": 4, "role": "validator", "spec_digest": "",
        "requested_ms": 1000, "deadline_ms": 1500, "decided_ms": None, "decided_by": "", "reason": "", "because": "", "cause": "",
    }  # fmt: skip
    return Approval(state=state, about=about, **(known | more))


@pytest.mark.parametrize(
    ("asked", "last", "stale", "now", "do", "because"),
    [
        (None, None, "", NOW, "release", "approval.not_asked"),
        (ASKED, None, "", NOW, "request", "approval.missing"),
        (ASKED, approval("pending"), "", NOW, "wait", "approval.pending"),
        (ASKED, approval("granted"), "", NOW, "release", "approval.granted"),
        (ASKED, approval("refused"), "", NOW, "never", "approval.refused"),
        (ASKED, approval("expired"), "", NOW, "never", "approval.expired"),
        # time: the deadline itself is too late
        (ASKED, approval("pending"), "", 1499, "wait", "approval.pending"),
        (ASKED, approval("pending"), "", 1500, "expire", "approval.too_late"),
        (ASKED, approval("granted"), "", 99_000, "release", "approval.granted"),
        (ASKED, approval("pending"), OLD, 1500, "expire", "approval.too_late"),
        # another evidence, another package, another promise
        (ASKED, approval("granted", REJUDGED), "", NOW, "request", "approval.missing"),
        (ASKED, approval("granted", replace(ABOUT, champion=2)), "", NOW, "request", "approval.missing"),
        (ASKED, approval("granted", replace(ABOUT, package="sha256:b")), "", NOW, "request", "approval.missing"),
        (ASKED, approval("granted", replace(ABOUT, promises="sha256:q")), "", NOW, "request", "approval.missing"),
        (ASKED, approval("pending", replace(ABOUT, promises="sha256:q")), "", NOW, "request", "approval.missing"),
        (ASKED, approval("granted", role="owner"), "", NOW, "request", "approval.missing"),
        (ASKED, approval("superseded"), "", NOW, "request", "approval.missing"),
        # evidence that holds no longer is judged again before anybody is asked, whatever was granted
        (ASKED, None, "evidence.other_champion", NOW, "judge_again", "evidence.stale"),
        (ASKED, approval("granted"), "evidence.other_champion", NOW, "judge_again", "evidence.stale"),
        (ASKED, approval("pending"), OLD, NOW, "judge_again", "evidence.stale"),
        # what is final stays so under any file, and for any champion
        (ASKED, approval("refused", replace(ABOUT, promises="sha256:q")), "", NOW, "never", "approval.refused"),
        (None, approval("refused"), "", NOW, "never", "approval.refused"),
        (None, approval("expired"), "evidence.other_champion", NOW, "never", "approval.expired"),
        # a file that asks nobody any more frees only versions for which nobody was ever asked
        (None, approval("pending"), "", NOW, "wait", "approval.pending"),
        (None, approval("superseded"), "", NOW, "request", "approval.missing"),
        (None, approval("granted", REJUDGED), "", NOW, "request", "approval.missing"),
        (None, approval("granted"), "", NOW, "release", "approval.granted"),
    ],
)
def test_what_is_done_next(asked, last, stale, now, do, because):
    assert decide(Seen(asked, ABOUT, last, stale), now) == Decision(do, because)


abouts = st.builds(
    About,
    st.sampled_from(["a", "b"]),
    st.integers(1, 2),
    st.integers(1, 2),
    st.sampled_from([None, 1, 2]),
    st.sampled_from(["p", "q"]),
)
lasts = st.none() | st.builds(
    approval, st.sampled_from(["pending", "granted", "refused", "expired", "superseded"]), abouts,
    role=st.sampled_from(["validator", "owner"]), deadline_ms=st.integers(0, 3),
)  # fmt: skip
stales = st.sampled_from(["", OLD, "evidence.other_champion"])
seens = st.builds(Seen, st.none() | st.just(ASKED), abouts, lasts, stales, st.booleans())


@pytest.mark.parametrize("last", [None, approval("granted"), approval("pending"), approval("expired")])
@pytest.mark.parametrize("asked", [None, ASKED])
def test_a_package_that_was_refused_as_another_version_is_never_released(asked, last):
    seen = Seen(asked, ABOUT, last, refused_before=True)
    assert decide(seen, NOW) == Decision("never", "approval.refused_before")


@given(seens, st.integers(0, 3))
def test_nothing_is_released_but_what_nobody_was_asked_about_or_what_was_granted_as_it_is_now(seen, now):
    if decide(seen, now).do == "release":
        granted = seen.approval is not None and (seen.approval.state, seen.approval.about) == ("granted", seen.about)
        assert (granted and not seen.stale) or (seen.asked is None and seen.approval is None)
        assert not seen.refused_before


@given(seens, st.integers(0, 3))
def test_a_question_is_asked_with_its_reason_and_one_that_holds_is_not_asked_twice(seen, now):
    decided = decide(seen, now)
    if decided.do == "request":
        assert why_again(seen)
        after = approval("pending", seen.about, deadline_ms=now + 1)
        assert decide(replace(seen, approval=after), now) == Decision("wait", "approval.pending")


def test_the_time_goes_on_where_the_evidence_merely_grew_old_and_begins_anew_where_the_question_is_another_one():
    old = approval("superseded", because=OLD)
    other = approval("superseded", because="evidence.other_champion")
    assert deadline(Seen(ASKED, REJUDGED, old), 500, 1400) == 1500
    assert deadline(Seen(ASKED, REJUDGED, other), 500, 1400) == 1900
    assert deadline(Seen(ASKED, REJUDGED, approval("granted")), 500, 1400) == 1900
    assert deadline(Seen(ASKED, ABOUT), 500, 1400) == 1900
