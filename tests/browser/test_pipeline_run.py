"""The page of a pipeline's run: states that change as they happen, why a step ran, what it prints, and running it again."""

import pytest

from regie.app.home import open_home
from regie.loop.scene import scene
from tests.support.steps import Steps, node
from tests.support.visit import axe, best, sideways

HOSTILE = "<img src=x onerror=alert(1)>"
DRAW = """async () => {
  const began = performance.now();
  document.querySelector("[role=tab]").click();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - began;
}"""
PRINTED = f"\x1b[31m{HOSTILE}\x1b[0m \u202ereversed\x07\rkept\n".encode()


@pytest.fixture(scope="module")
def steps(acting_room):
    """A hand on the file's own home: runs whose tasks begin and end when a test says so."""
    home = open_home(acting_room.platform.home)
    here = scene(home.store, home.predictions, acting_room.workspace)
    yield Steps(home.store, acting_room.workspace, here.spec.pipelines["train"])
    home.store.database.close()


def box(page, task):
    return page.locator(f'[data-task="{task}"]').first


def test_a_finished_run_says_why_each_step_ran_and_what_it_took(room, shared_room):
    with shared_room.api as api:
        run = next(one for one in api.runs.list() if one["state"] == "finished")
    page = room.open(f"/w/WS/runs/{run['run_id']}/steps")
    assert page.locator("[data-state=finished], [data-state=cached]").count() >= 2
    box(page, "fit").click()
    page.get_by_role("tab", name="In and out").click()
    page.get_by_role("complementary").get_by_text("model package").wait_for()
    assert "task=fit" in page.url
    page.get_by_role("tab", name="Timeline").click()
    page.get_by_text("since it was asked for").wait_for()
    page.get_by_role("tab", name="List").click()
    assert page.get_by_role("row").count() >= 3
    assert axe(page) == []
    page.go_back()
    page.get_by_text("since it was asked for").wait_for()  # the view before


def test_the_graph_is_walked_with_the_keyboard(room, shared_room):
    with shared_room.api as api:
        run = next(one for one in api.runs.list() if one["state"] == "finished")
    page = room.open(f"/w/WS/runs/{run['run_id']}/steps")
    box(page, "rows").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.task") == "fit"
    page.keyboard.press("Enter")
    page.get_by_role("complementary").get_by_role("heading", name="fit").wait_for()


def test_states_change_as_they_happen_and_what_a_task_prints_is_followed_as_text(acting, steps):
    run = steps.begun(node("read", dataset="flights"), node("fit", "read"))
    page = acting.open(f"/w/WS/runs/{run}/steps?task=read&part=log")
    page.locator('[data-task="read"][data-state=waiting]').wait_for()
    task = steps.task(run, "read", "running")
    page.locator('[data-task="read"][data-state=running]').wait_for()
    steps.says(task, PRINTED)
    log = page.get_by_role("log")
    log.get_by_text("kept").wait_for()
    steps.says(task, b"a second line\n", len(PRINTED))
    log.get_by_text("a second line").wait_for()
    steps.ended(task)
    page.locator('[data-task="read"][data-state=finished]').wait_for()
    failed = steps.task(run, "fit", "failed", error={"type": "ValueError", "message": HOSTILE, "traceback": "File flow.py"})
    steps.end(run, "failed", HOSTILE)
    box(page, "fit").click()
    page.get_by_role("tab", name="How it failed").click()
    page.get_by_role("complementary").get_by_text(HOSTILE).first.wait_for()
    assert page.locator("main img").count() == 0
    assert failed["id"]


def test_a_log_shows_no_escape_sequence_no_overwritten_words_and_no_turned_letters(acting, steps):
    run = steps.begun(node("read", dataset="flights"))
    steps.task(
        run,
        "read",
        window="",
        log=b"\x1b[1m\x1b]0;title\x07bold\x1b[0m\n10%\r90%\r100%\nbell\x07\n" + f"\u202e{HOSTILE}".encode(),
    )
    steps.end(run)
    page = acting.open(f"/w/WS/runs/{run}/steps?task=read&part=log")
    assert page.get_by_role("log").inner_text() == f"bold\n100%\nbell␇\n⟨U+202E⟩{HOSTILE}"


def test_a_graph_of_200_steps_is_a_few_boxes_and_is_drawn_at_once(acting, steps):
    parts = [node(f"part-{at}", "read") for at in range(98)]
    parts = [one.__class__(**{**vars(one), "step": "flow:part"}) for one in parts]
    sums = [node(f"add-{at}", f"part-{at}") for at in range(98)]
    sums = [one.__class__(**{**vars(one), "step": "flow:add"}) for one in sums]
    run = steps.begun(
        node("read", dataset="flights"), *parts, *sums, node("join", *(one.name for one in sums)), node("close", "join")
    )
    steps.task(run, "read")
    steps.task(run, "part-7", "failed")
    steps.end(run, "failed")
    page = acting.open(f"/w/WS/runs/{run}/steps")
    assert page.locator("[data-task]").count() == 199
    page.get_by_role("group", name="part, 98 tasks").wait_for()
    page.get_by_role("link", name="part-7: failed").wait_for()
    assert sideways(page) <= 0
    assert axe(page) == []

    def drawn() -> float:
        page.get_by_role("tab", name="List").click()
        page.wait_for_function("() => document.querySelectorAll('[data-task]').length === 0")
        found: float = page.evaluate(DRAW)
        return found

    assert best(drawn, 250) <= 250


def test_run_again_from_here_makes_a_run_on_the_same_data_and_is_in_the_audit_log(acting, acting_room, steps):
    before = steps.begun(
        node("read", dataset="flights"), node("fit", "read"), node("score", "fit"), snapshots={"flights": "sha256:" + "5" * 64}
    )
    steps.task(before, "fit", "failed")
    steps.end(before, "failed")
    page = acting.open(f"/w/WS/runs/{before}/steps?task=fit")
    page.get_by_role("button", name="Run again from here").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("look at it once more")
    page.get_by_role("dialog").get_by_role("button", name="Run again from here").click()
    page.wait_for_url(lambda url: before not in url)
    after = page.url.split("/runs/")[1][:32]
    page.locator("main header").get_by_text(after).wait_for()
    page.get_by_text("Repeats run").wait_for()
    made = acting_room.records("pipeline.run")[-1]
    assert (made["actor"], made["reason"], made["result"]) == ("local", "look at it once more", "done")
    with acting_room.api as api:
        run = api.runs.show(after)
    assert (run["again_of"], run["fresh"]) == (before, ["fit", "score"])
    assert (run["snapshots"], run["code_digest"]) == ({"flights": "sha256:" + "5" * 64}, steps.code)


@pytest.mark.parametrize(("lang", "taught"), [("en", "regie apply"), ("fr", "regie apply")])
def test_an_empty_workspace_teaches_what_comes_first(shared_room, lang, taught):
    page = shared_room.visit(lang).open("/w/personal/pipelines")
    page.get_by_text(taught).first.wait_for()
