"""The replaying client keeps the order, counts every failure, and outlives a server that hangs up."""

import json
import socket
import threading
from contextlib import contextmanager

import pytest

from regie.cli.story.connection import Connection, request
from regie.cli.story.replay import Tally, send
from regie.cli.story.running import free_ports

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nContent-Length: %d\r\n\r\n"


def answer(number):
    body = json.dumps({"predictions": [0.25], "prediction_ids": [f"p{number}"], "version": "3", "request_id": "r"}).encode()
    return HEAD % len(body) + body


@contextmanager
def endpoint(answer_of):
    """A stand-in for the endpoint on a real socket: `answer_of(number)` gives bytes, or None to hang up."""
    seen = []

    def serve(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                while line := stream.readline():
                    length = 0
                    while (header := stream.readline()) != b"\r\n":
                        if header.lower().startswith(b"content-length:"):
                            length = int(header.split(b":")[1])
                    seen.append((line, json.loads(stream.read(length))))
                    said = answer_of(len(seen))
                    if said is None:
                        break
                    for piece in said if isinstance(said, list) else [said]:
                        connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        with Connection("127.0.0.1", listener.getsockname()[1], 5) as connection:
            yield connection, seen
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def bodies(count):
    return [request("POST", "/x", "h", json.dumps(number).encode()) for number in range(count)]


def test_requests_arrive_once_each_in_their_order():
    with endpoint(answer) as (connection, seen):
        tally = Tally.of(50)
        send(connection, tally, range(50), bodies(50))
    assert [body for _, body in seen] == list(range(50))
    assert (tally.requests, tally.failures, len(tally.ids)) == (50, [], 50)
    assert set(tally.version.tolist()) == {3}


def test_an_answer_in_pieces_is_one_answer():
    with endpoint(lambda number: [bytes([byte]) for byte in answer(number)]) as (connection, _):
        assert json.loads(connection.send(bodies(1)[0])[1])["predictions"] == [0.25]


def test_a_server_that_hangs_up_costs_one_counted_request_and_no_more():
    with endpoint(lambda number: None if number == 3 else answer(number)) as (connection, _):
        tally = Tally.of(6)
        send(connection, tally, range(6), bodies(6))
    assert tally.requests == 6
    assert [failure.partition(":")[0] for failure in tally.failures] == ["row 2"]
    assert sorted(tally.ids) == [0, 1, 3, 4, 5]


def test_an_answer_that_is_no_http_is_an_error():
    with (
        endpoint(lambda number: b"HTTP/1.1 200 OK\r\nserver: x\r\n\r\n") as (connection, _),
        pytest.raises(ValueError, match="length"),
    ):
        connection.send(bodies(1)[0])


def test_busy_ports_are_stepped_around():
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8700))
            taken.listen()
        except OSError:
            pass  # somebody else has it, which is as good
        port, serve_port = free_ports()
    assert port not in (0, 8700)
    assert serve_port not in (0, port)
