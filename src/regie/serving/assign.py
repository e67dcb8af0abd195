"""Which live variant answers a request, and which shadows see it.

Pure. One assignment a request, by the hash of its key (of its first row), or of the request's id where there is no key: the same key
meets the same variant as long as the rollout lasts, also when the challenger's share grows.
"""

import hashlib
from dataclasses import dataclass

from regie.serving.routefile import Endpoint, Variant

_SPAN = float(1 << 64)


@dataclass(frozen=True)
class Assignment:
    """`live` answers; `shadows` see the request."""

    live: Variant
    shadows: tuple[Variant, ...] = ()


def fraction(salt: str, sticky: str) -> float:
    """A number in [0, 1), the same for the same texts, evenly spread."""
    hashed = hashlib.blake2b(f"{salt}\0{sticky}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(hashed, "big") / _SPAN


def assign(endpoint: Endpoint, sticky: str) -> Assignment | None:
    """None where there is no champion."""
    champion = endpoint.champion
    if champion is None:
        return None
    if len(endpoint.variants) == 1:
        return Assignment(champion)
    live = _live(endpoint, champion, sticky)
    return Assignment(live, shadows(endpoint, live, sticky))


def shadows(endpoint: Endpoint, live: Variant, sticky: str) -> tuple[Variant, ...]:
    """The shadows of a request that this variant answers."""
    return tuple(
        variant
        for variant in endpoint.variants
        if variant.mode == "shadow"
        and variant.only in ("", live.role)
        and (variant.share >= 1.0 or fraction(f"{endpoint.name}\0shadow\0{variant.version}", sticky) < variant.share)
    )


def _live(endpoint: Endpoint, champion: Variant, sticky: str) -> Variant:
    """Challengers take the start of the span, so that a growing share keeps the keys it had."""
    others = sorted((v for v in endpoint.variants if v.mode == "live" and v is not champion), key=lambda v: v.version)
    if not others:
        return champion
    # Salted with the versions, not with the generation: each rollout meets other keys, a stage the same.
    place = fraction(f"{endpoint.name}\0live\0{','.join(str(v.version) for v in others)}", sticky)
    for variant in others:
        if place < variant.share:
            return variant
        place -= variant.share
    return champion
