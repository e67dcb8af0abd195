"""Answers that many ask for in the same moment are made once, and again when what decides them has changed."""

import threading
from concurrent.futures import ThreadPoolExecutor

from regie.app.pages import recent
from regie.app.pages.recent import Recent


def test_many_who_ask_at_once_wait_for_one_who_makes_it():
    made, begun, go = [], threading.Event(), threading.Event()

    def make():
        begun.set()
        go.wait(10)
        made.append(1)
        return len(made)

    kept = Recent()
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(kept.of, "page", make) for _ in range(8)]
        assert begun.wait(10)
        go.set()
        assert [one.result(10) for one in asked] == [1] * 8


def test_another_key_is_another_answer_and_an_old_one_is_made_again(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(recent, "monotonic", lambda: now[0])
    answers = iter(range(9))
    kept = Recent()
    assert [kept.of(key, lambda: next(answers)) for key in ("a", "a", "b")] == [0, 0, 1]
    now[0] += recent.KEEP_S
    assert kept.of("a", lambda: next(answers)) == 2


def test_what_failed_is_tried_again():
    kept = Recent()
    try:
        kept.of("a", lambda: 1 / 0)
    except ZeroDivisionError:
        assert kept.of("a", lambda: 7) == 7


def test_no_more_is_held_than_was_asked_for():
    kept = Recent(most=2)
    for key in "abc":
        kept.of(key, lambda key=key: key)
    assert kept.of("a", lambda: "made again") == "made again"
    assert kept.of("c", lambda: "made again") == "c"
