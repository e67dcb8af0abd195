"""Ids: UUIDv7 as 32 hex digits, sortable by creation within a process (RFC 9562, method 1: a counter in rand_a)."""

import secrets
import threading

from regie.base.clock import wall_ms

_lock = threading.Lock()
_last_ms = 0
_counter = 0


def new_id() -> str:
    """A UUIDv7; later calls in this process give greater ids, even when the clock goes back."""
    return uuid7(secrets.randbits(62))


def uuid7(rand_b: int) -> str:
    """A UUIDv7 with the given lower 62 bits; times never go back within this process."""
    global _last_ms, _counter
    with _lock:
        now = wall_ms()
        if now > _last_ms:
            _last_ms, _counter = now, secrets.randbits(8)
        else:
            _counter += 1
            if _counter > 0xFFF:
                _last_ms, _counter = _last_ms + 1, 0
        stamp, counter = _last_ms, _counter
    return f"{stamp << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | rand_b:032x}"


def go_on_after(uuid: str) -> None:
    """Let this process's ids be greater than one that was given out before, perhaps by a clock that was set back since."""
    global _last_ms, _counter
    with _lock:
        stamp = int(uuid[:12], 16)
        if stamp >= _last_ms:
            _last_ms, _counter = stamp, max(int(uuid[13:16], 16), _counter if stamp == _last_ms else 0)


def new_token() -> str:
    """A secret for a header: 256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)
