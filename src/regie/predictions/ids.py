"""Prediction ids: 48 hex digits, a UUIDv7 that carries its node's tag, then 8 bytes of an HMAC, so that none can be made up.

The tag is the first 16 of the 62 random bits. Ids of one process only grow, even when the machine's clock goes back.
"""

import hashlib
import hmac
import re
import secrets

from regie.base.errors import BadInput, NotFound
from regie.base.ids import uuid7

UUID_DIGITS, MAC_DIGITS = 32, 16
_TAG_SHIFT = 62 - 16
_ID = re.compile(r"[0-9a-f]{48}")


class ForgedId(NotFound):
    """An id that this workspace never gave out: malformed, or with a wrong code."""

    code, status = "prediction.unknown", 404

    def __init__(self, prediction_id: object) -> None:
        super().__init__(f"no prediction has the id {str(prediction_id)[:60]!r}", do="send the id that came with the answer")


class PredictionIds:
    """Makes the ids of one node. Used by any number of threads."""

    def __init__(self, key: bytes, node_tag: int) -> None:
        if not 0 <= node_tag <= 0xFFFF:
            raise BadInput(f"the node's tag {node_tag} does not fit into 16 bits")
        self._tag = node_tag << _TAG_SHIFT
        self._inner = hmac.new(key, digestmod=hashlib.sha256)  # the key is mixed in once; a copy costs a microsecond

    def new(self) -> str:
        """A new id, greater than all before it."""
        uuid = uuid7(self._tag | secrets.randbits(_TAG_SHIFT))
        code = self._inner.copy()
        code.update(uuid.encode())
        return uuid + code.hexdigest()[:MAC_DIGITS]


def check(key: bytes, prediction_id: str) -> str:
    """The UUID of an id that carries the right code. Raises ForgedId for any other."""
    if not isinstance(prediction_id, str) or not _ID.fullmatch(prediction_id):
        raise ForgedId(prediction_id)
    uuid = prediction_id[:UUID_DIGITS]
    code = hmac.digest(key, uuid.encode(), "sha256").hex()[:MAC_DIGITS]
    if not hmac.compare_digest(code, prediction_id[UUID_DIGITS:]):
        raise ForgedId(prediction_id)
    return uuid


def node_tag(prediction_id: str) -> int:
    """The tag of the node that gave the id out (of a whole id, or of its UUID)."""
    return int(prediction_id[:UUID_DIGITS], 16) >> _TAG_SHIFT & 0xFFFF
