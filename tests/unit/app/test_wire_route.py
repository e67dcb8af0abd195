"""A route of the wire: what its function may ask for, what its answer becomes, and what each refusal of the database means."""

import asyncio
import json

import pytest
from fastapi import Request
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, ProgrammingError

from regie.app.caller import HERE, Caller, CallerOf
from regie.app.mlflow.answers import sent
from regie.app.mlflow.call import Call, Wire, answering
from regie.store.actors import everybody
from regie.store.types import LOCAL

CALLER = CallerOf(None, everybody(LOCAL), "personal")


def asked(function, body=b"", path_params=None, **scope):
    """Status and JSON of what a function's route answers."""

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    said = {
        "type": "http", "method": "POST", "path": "/p", "query_string": b"", "headers": [(b"content-type", b"application/json")],
        "path_params": path_params or {}, HERE: CALLER, **scope,
    }  # fmt: skip
    answer = asyncio.run(answering(function)(Request(said, receive)))
    return answer.status_code, json.loads(answer.body)


def test_a_function_gets_the_call_the_caller_the_request_and_the_texts_of_its_path():
    def echo(name: str, call: Wire, caller: Caller, request: Request):
        return {"name": name, "said": call.said, "same": call.caller is caller, "path": request.url.path}

    assert asked(echo, b'{"a": [1]}', {"name": "x"}) == (200, {"name": "x", "said": {"a": [1]}, "same": True, "path": "/p"})


def test_a_function_that_waits_is_waited_for():
    async def later(call: Wire):
        return call.said

    assert asked(later, b'{"a": 1}') == (200, {"a": 1})


def test_a_function_that_asks_for_anything_else_is_no_route():
    def odd(call: Wire, limit: int = 3):
        return {}

    with pytest.raises(TypeError, match="odd asks for limit"):
        answering(odd)


def test_a_route_that_no_door_guards_answers_nobody():
    def plain(call: Wire):
        return {}

    with pytest.raises(RuntimeError, match="was reached by no door"):
        asked(plain, **{HERE: None})


@pytest.mark.parametrize(
    ("kind", "said", "status", "code"),
    [
        (IntegrityError, "UNIQUE", 400, "RESOURCE_ALREADY_EXISTS"),
        (DataError, "value too long for type character varying(250)", 400, "INVALID_PARAMETER_VALUE"),
        (OperationalError, "database is locked", 503, "TEMPORARILY_UNAVAILABLE"),
        (OperationalError, "database or disk is full", 507, "RESOURCE_EXHAUSTED"),
    ],
)
def test_what_the_database_refuses_says_whether_to_repeat_it_or_to_change_it(kind, said, status, code):
    def refusing(call: Wire):
        raise kind("INSERT", None, Exception(said))

    assert (asked(refusing)[0], asked(refusing)[1]["error_code"]) == (status, code)


def test_a_mistake_of_ours_is_not_made_the_callers():
    def wrong(call: Wire):
        raise ProgrammingError("SELEKT", None, Exception("syntax"))

    with pytest.raises(ProgrammingError):
        asked(wrong)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a": ' * 980 + b'"\\u0041"' + b"}" * 980,
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b"[1]",
        b"{",
    ],
)
def test_a_body_that_cannot_be_kept_is_refused(body):
    def echo(call: Wire):
        return {"kept": isinstance(call, Call)}

    status, answer = asked(echo, body)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_an_answer_is_text_as_it_is_and_an_empty_one_an_empty_object():
    assert sent({"a": "é\u2028"}).body == '{"a":"é\u2028"}'.encode()
    assert sent(b'{"made":1}').body == b'{"made":1}'
    assert sent(None).body == sent({}).body == b"{}"
    with pytest.raises(ValueError, match="Out of range"):
        sent({"a": float("nan")})
