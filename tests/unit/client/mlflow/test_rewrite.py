from hypothesis import given
from hypothesis import strategies as st

from regie.client.mlflow import marks, rewrite
from regie.client.mlflow.marks import Mark

OLD, NEW, LOGGED, NEW_LOGGED = "a" * 32, "b" * 32, "m-" + "c" * 32, "m-" + "d" * 32
IDS = {OLD: NEW, LOGGED: NEW_LOGGED}.get
hexes = st.text("0123456789abcdef", min_size=32, max_size=32)


def test_ids_are_written_anew_only_where_mlflow_itself_reads_them():
    said = {
        "mlflow.parentRunId": OLD,
        "mlflow.log-model.history": f'[{{"run_id": "{OLD}", "artifact_path": "x", "model_uuid": "{"e" * 32}"}}]',
        "mlflow.note.content": f"see {OLD}",
        "mine": OLD,
        "mlflow.modelVersions": "[]",
    }
    assert rewrite.tags(said, IDS) == {
        "mlflow.parentRunId": NEW,
        "mlflow.log-model.history": f'[{{"run_id": "{NEW}", "artifact_path": "x", "model_uuid": "{"e" * 32}"}}]',
        "mlflow.note.content": f"see {OLD}",
        "mine": OLD,
    }


def test_a_link_to_a_parent_that_is_not_there_is_left_out():
    assert rewrite.tags({"mlflow.parentRunId": "e" * 32, "a": "1"}, IDS) == {"a": "1"}


def test_an_mlmodel_keeps_its_size_and_everything_but_its_two_ids():
    content = (
        f"artifact_path: mlflow-artifacts:/1/models/{LOGGED}\nmodel_id: {LOGGED}\nrun_id: '{OLD}'\nnested:\n  run_id: {OLD}\n"
    )
    changed = rewrite.mlmodel(content.encode(), IDS).decode()
    assert changed == content.replace(f"model_id: {LOGGED}", f"model_id: {NEW_LOGGED}").replace(
        f"\nrun_id: '{OLD}'", f"\nrun_id: '{NEW}'"
    )
    assert len(changed) == len(content)


@given(st.binary(max_size=200))
def test_what_is_no_mlmodel_stays_byte_for_byte(content):
    assert rewrite.mlmodel(content, IDS) == content


@given(hexes, st.sampled_from(["", "/", "/model", "/a/b c"]))
def test_a_source_says_the_run_and_the_path_that_were_put_into_it(run_id, path):
    assert rewrite.run_in(f"runs:/{run_id}{path}") == (run_id, path.strip("/"))
    assert rewrite.logged_model_in(f"models:/m-{run_id}{path}") == f"m-{run_id}"
    assert rewrite.version_in(f"models:/{run_id}/7") == (run_id, 7)
    assert rewrite.version_in(f"models:/m-{run_id}") == ("", 0)


def test_below_a_root_is_a_matter_of_whole_folders():
    assert rewrite.below("s3://b/1/artifacts/model", "s3://b/1/artifacts") == "model"
    assert rewrite.below("s3://b/1/artifacts", "s3://b/1/artifacts/") == ""
    assert rewrite.below("s3://b/1/artifacts-of-others/model", "s3://b/1/artifacts") is None
    assert rewrite.below("s3://b/1", "") is None


def test_a_mark_is_read_as_it_was_written_and_proves_nothing_on_another_thing():
    mark = Mark("run", "digest", True)
    assert Mark.of({marks.COMPLETE: str(mark)}) == mark
    assert Mark.of({}) == Mark.of({marks.COMPLETE: ""}) == Mark()
    whole = {marks.RUN: "first", marks.COMPLETE: str(mark)}
    assert marks.home("run", whole, marks.RUN) == "first"
    assert marks.home("clone", whole, marks.RUN) == "clone"
    assert marks.home("begun", {marks.RUN: "first"}, marks.RUN) == "begun"
    assert marks.is_copy("begun", {marks.RUN: "first"}, marks.RUN)
    assert not marks.is_copy("clone", whole, marks.RUN)


def test_files_that_are_wanted_now_and_were_left_out_then_are_something_to_do():
    assert Mark("run", "d", files=True).says("d", files=False)
    assert not Mark("run", "d", files=False).says("d", files=True)
    assert not Mark("run", "d", files=True).says("other", files=True)
