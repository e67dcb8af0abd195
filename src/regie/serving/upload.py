"""Bring the log to the control plane, from a saved position, stretch by stretch; each record is accepted there once.

Only what is synced is sent: else a power cut could take back what the control plane has, and new records at the same offset would
be taken for old ones. Offsets are bytes.
"""

import json
from contextlib import suppress
from pathlib import Path

from regie.base.clock import monotonic
from regie.predictions.segments import HEADER_BYTES, segment_path, segments, stretch
from regie.serving.files import read_json, write_json
from regie.serving.log import PredictionLog
from regie.serving.plane import ControlPlane

STRETCH_BYTES = 2 << 20
KEPT_SEGMENTS = 2
_HEAD_BYTES = 8
Position = tuple[int, int]


class Uploader:
    """Used by one thread. `position`: segment and offset up to which the control plane has confirmed."""

    def __init__(self, path: Path, log: PredictionLog, plane: ControlPlane) -> None:
        self._path, self._log, self._plane = path, log, plane
        saved = read_json(path) or {}
        self.position: Position = (int(saved.get("segment", 0)), int(saved.get("offset", 0)))
        self.last_id = str(saved.get("last_id", ""))

    def upload(self, for_s: float) -> bool:
        """Send what is there now, for about so long; True once all of that is sent. Raises Away, SegmentBroken.

        What is answered meanwhile waits for the next time: under traffic there is always more, and the caller has other duties.
        """
        until, there = monotonic() + for_s, self._log.position
        while self.position < there and self._step():
            if monotonic() >= until:
                return self.position >= there
        return True

    def _step(self) -> bool:
        """Send one stretch, or go on to the next segment. False: everything is sent."""
        writing = self._log.position[0]  # before reading: a segment that is not written any more was read to its end
        segment, offset = self.position
        data = stretch(self._log.folder, segment, offset, STRETCH_BYTES)
        if not data or (offset == 0 and len(data) <= HEADER_BYTES):
            if segment >= writing:
                return False
            self._save(segment + 1, 0)
            self._forget()
            return True
        self._log.sync()
        wanted = self._plane.deliver(segment, offset, data)
        if wanted == offset + len(data):
            self.last_id = _last_id(data, HEADER_BYTES if offset == 0 else 0) or self.last_id
        self._save(segment, wanted)
        return True

    def _save(self, segment: int, offset: int) -> None:
        self.position = (segment, offset)
        # Not synced: a position that is too old only sends again what is then accepted once.
        write_json(self._path, {"segment": segment, "offset": offset, "last_id": self.last_id}, sync=False)

    def _forget(self) -> None:
        """Delete segments that the control plane has, but the newest."""
        kept = segments(self._log.folder)[-KEPT_SEGMENTS:]
        for number in segments(self._log.folder):
            if number < self.position[0] and number not in kept:
                with suppress(FileNotFoundError):
                    segment_path(self._log.folder, number).unlink()


def _last_id(data: bytes, offset: int) -> str:
    """The UUID of the last prediction in a stretch of whole records."""
    last = offset
    while offset < len(data):
        last, offset = offset, offset + _HEAD_BYTES + int.from_bytes(data[offset : offset + 4], "little")
    ids = json.loads(data[last + _HEAD_BYTES :]).get("ids") if last < len(data) else None
    return str(ids[-1])[:32] if ids else ""
