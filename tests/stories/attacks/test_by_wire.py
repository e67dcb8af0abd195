"""Over MLflow's wire: aliases, tags, names, stages, copies, sources, files."""

import hashlib

import pytest

from tests.support.siege import FAILED, FILES, GOOD, NAME, PENDING, REFUSED, WIRE


@pytest.mark.parametrize("alias", ["champion", "Champion", "CHAMPION", "_champion", "champion-"])
def test_setting_the_alias_champion(siege, alias):
    assert siege.wire("POST", "/registered-models/alias", name=NAME, alias=alias, version=str(FAILED)).status_code == 403
    siege.audited("champion.set", f"{NAME}@{alias}")


@pytest.mark.parametrize(
    "alias", ["\u0441hampion", "champi\u03bfn", "\uff43\uff48\uff41\uff4d\uff50\uff49\uff4f\uff4e", "champ\u0131on"]
)
def test_setting_an_alias_that_looks_like_champion(siege, alias):
    assert siege.wire("POST", "/registered-models/alias", name=NAME, alias=alias, version=str(FAILED)).status_code == 403
    siege.audited("model.change", f"{NAME}@{alias}")


def test_naming_a_challenger_by_alias(siege):
    assert siege.wire("POST", "/registered-models/alias", name=NAME, alias="challenger", version=str(REFUSED)).status_code == 403
    siege.audited("model.change", f"{NAME}@challenger")


def test_deleting_the_alias_champion(siege):
    said = {"name": NAME, "alias": "champion"}
    assert siege.wire("DELETE", "/registered-models/alias", **said, who="sci").status_code == 403
    siege.audited("champion.set", f"{NAME}@champion", "sci")


def test_setting_the_alias_from_the_root_of_the_wire(siege):
    said = {"name": NAME, "alias": "champion", "version": str(FAILED)}
    assert siege.call("POST", WIRE + "/registered-models/alias", said, workspace="").status_code == 403
    siege.audited("champion.set", f"{NAME}@champion")


@pytest.mark.parametrize("key", ["regie.role", "regie.approved", "regie.champion"])
def test_tags_that_look_like_a_role_or_an_approval(siege, key):
    said = {"name": NAME, "version": str(PENDING), "key": key, "value": "champion"}
    assert siege.wire("POST", "/model-versions/set-tag", **said).status_code == 400
    siege.audited("version.change", key)


def test_free_tags_that_say_champion_are_only_words(siege):
    for key in ("champion", "role", "mlflow.role", "approved_by"):
        said = {"name": NAME, "version": str(PENDING), "key": key, "value": "val"}
        assert siege.wire("POST", "/model-versions/set-tag", **said).status_code == 200
    assert siege.approval(PENDING)["state"] == "pending"


def test_another_description_of_what_a_person_is_deciding_on(siege):
    said = {"name": NAME, "version": str(PENDING), "description": "champion"}
    assert siege.wire("PATCH", "/model-versions/update", **said).status_code == 403
    siege.audited("version.change", f"{NAME}@{PENDING}")


def test_renaming_the_served_model_away(siege):
    assert siege.wire("POST", "/registered-models/rename", name=NAME, new_name="former").status_code == 403
    siege.audited("model.change", "cannot be renamed")


def test_renaming_another_model_into_its_name(siege):
    assert siege.wire("POST", "/registered-models/create", name="double").status_code == 200
    said = {"name": "double", "source": f"models:/{NAME}/{FAILED}"}
    assert siege.wire("POST", "/model-versions/create", **said).json()["model_version"]["version"] == "1"
    assert siege.wire("POST", "/registered-models/rename", name="double", new_name=NAME).status_code == 403
    siege.audited("model.change", "cannot be replaced")


def test_deleting_the_model_to_make_it_anew(siege):
    assert siege.wire("DELETE", "/registered-models/delete", name=NAME).status_code == 403
    siege.audited("model.change", "cannot be deleted")


@pytest.mark.parametrize("number", [GOOD, FAILED, REFUSED, PENDING])
def test_deleting_a_version_to_use_its_number_again(siege, number):
    assert siege.wire("DELETE", "/model-versions/delete", name=NAME, version=str(number)).status_code == 403
    siege.audited("version.change", f"{NAME}@{number}")


def test_a_deleted_versions_number_is_never_given_again(siege):
    made = [siege.wire("POST", "/model-versions/create", name="double", source=f"models:/{NAME}/{GOOD}") for _ in range(2)]
    last = made[-1].json()["model_version"]["version"]
    assert siege.wire("DELETE", "/model-versions/delete", name="double", version=last).status_code == 200
    again = siege.wire("POST", "/model-versions/create", name="double", source=f"models:/{NAME}/{GOOD}").json()
    assert int(again["model_version"]["version"]) == int(last) + 1


@pytest.mark.parametrize("stage", ["Production", "production", "Staging"])
def test_moving_a_version_into_the_stage_production(siege, stage):
    assert siege.wire("POST", "/model-versions/transition-stage", name=NAME, version=str(FAILED), stage=stage).status_code == 403
    siege.audited("model.change", "cannot be staged")


def test_a_copy_of_a_version_that_failed_its_gates(siege):
    number = siege.copied(FAILED)
    copy = siege.versions()[number]
    # It waits for rows that it cannot have seen; test_then_back_and_forth.py looks at another one, days later.
    assert (copy["package"], copy["qualification"]["state"], copy["rollouts"]) == (siege.package(FAILED), "waiting", [])


def test_a_copy_of_a_version_that_a_person_refused(siege):
    for number, name in enumerate((NAME, "double")):
        made = siege.wire("POST", "/model-versions/create", name=name, source=f"models:/{NAME}/{REFUSED}", who="sci")
        assert made.status_code == 403, number
        siege.audited("model.register", f"{name} ", "sci")


@pytest.mark.parametrize(
    "source",
    [
        "file:///etc", "/etc/passwd", "https://evil.example/model", f"models:/{NAME}/{GOOD}/../{FAILED}",
        "mlflow-artifacts:/packages/" + "0" * 64, "mlflow-artifacts:/runs/..%252f..%252fregie.db", "runs:/none/model",
        f"models:/{NAME}@nobody",
    ],
)  # fmt: skip
def test_a_version_from_files_of_somewhere_else(siege, source):
    assert siege.wire("POST", "/model-versions/create", name=NAME, source=source).status_code in (400, 404)
    siege.audited("model.register", "/model-versions/create")


def test_a_version_whose_files_are_in_a_bucket_elsewhere(siege):
    assert siege.wire("POST", "/model-versions/create", name=NAME, source="s3://evil/model").status_code == 400
    siege.audited("model.register", "s3://evil/model")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_writing_into_the_files_of_a_registered_version(siege, method):
    path = f"{FILES}/packages/{siege.package(GOOD).removeprefix('sha256:')}/MLmodel"
    assert siege.call(method, path, b"evil" if method == "PUT" else None).status_code == 403
    siege.audited("package.change", siege.package(GOOD).removeprefix("sha256:"))


def test_writing_over_the_artifacts_of_the_run_behind_a_version(siege):
    one = siege.versions()[PENDING]
    assert siege.call("PUT", f"{FILES}/runs/{one['run_id']}/model/MLmodel", b"evil").status_code == 200
    assert siege.package(PENDING) == one["package"]
    manifest = siege.call("GET", f"/api/v1/packages/{one['package']}").json()
    evil = "sha256:" + hashlib.sha256(b"evil").hexdigest()
    assert evil not in {file["digest"] for file in manifest.values()}


def test_other_content_under_the_digest_of_a_package(siege):
    for digest in (siege.package(GOOD), "sha256:" + "e" * 64):
        assert siege.call("PUT", f"/api/v1/blobs/{digest}", b"evil").status_code == 422
        siege.audited("blob.put", digest)
    assert b"evil" not in siege.world.client.blobs.get(siege.package(GOOD))
