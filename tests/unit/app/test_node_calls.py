"""What the control plane asks a node: a node that answers too slowly, too much or nonsense holds nobody."""

import socket
import threading
from contextlib import contextmanager, suppress

import pytest

from regie.app import node_calls
from regie.base.clock import monotonic
from regie.store.nodes import Node

HEAD = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def node_that_sends(parts, each_s=0.0):
    """A node that sends these parts, one after the other, until it is cut off; gives it, and whether it was."""
    cut, over = threading.Event(), threading.Event()

    def answer():
        with suppress(OSError), listener:
            line, _ = listener.accept()
            with line:
                line.recv(65_536)
                try:
                    for part in parts:
                        line.sendall(part)
                        if over.wait(each_s):
                            return
                except OSError:
                    cut.set()

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield Node("n", 1, f"http://127.0.0.1:{listener.getsockname()[1]}", 0, {}, {}, "", 0, {}), cut
    finally:
        over.set()
        thread.join(10)


def drops(of):
    yield HEAD + of
    while True:
        yield b" "


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 100000\r\n\r\n",
        b"connection: close\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\nfffff\r\n",
        b"x-long: ",
    ],
    ids=["length", "close", "chunked", "head"],
)
def test_a_node_that_answers_drop_by_drop_is_cut_off_when_its_time_is_over(monkeypatch, head):
    """Each drop comes in time; all of them never would."""
    monkeypatch.setattr(node_calls, "HEALTH_S", 0.3)
    with node_that_sends(drops(head), 0.02) as (node, cut):
        began = monotonic()
        with pytest.raises(node_calls.NodeAway, match=r"no whole answer within 0\.3 s"):
            node_calls.health(node)
        assert monotonic() - began >= 0.3
        assert cut.wait(10)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (HEAD + b"content-length: 2\r\n\r\n[]", "no JSON object"),
        (HEAD + b"connection: close\r\n\r\n" + b" " * (node_calls.ANSWER_BYTES + 1), "too long"),
        (b"nonsense", "BadStatusLine"),
        (b"", "RemoteDisconnected|Reset"),
    ],
)
def test_what_is_no_answer_is_said_so(answer, said):
    with node_that_sends([answer]) as (node, _), pytest.raises(node_calls.NodeAway, match=said):
        node_calls.health(node)


def test_an_answer_in_time_is_an_answer():
    with node_that_sends([HEAD, b"content-length: 9\r\n\r\n", b'{"a": 1}', b" "]) as (node, _):
        assert node_calls.health(node) == {"a": 1}
    assert not [
        one for one in threading.enumerate() if isinstance(one, threading.Timer) and one.is_alive() and not one.finished.is_set()
    ]
