"""What a browser has to load, gzipped, against the budgets of the control room. No browser is needed."""

import json

import pytest

from ui import build

SHELL_BYTES, ROUTE_BYTES = 170 * 1024, 70 * 1024


@pytest.fixture(scope="module")
def manifest():
    """Vite's account of what was built."""
    build.build()
    return json.loads((build.BUNDLE / ".vite/manifest.json").read_text("utf-8"))


def files(manifest: dict, *names: str) -> set[str]:
    """Scripts and styles that are loaded with some chunks, and with what these import."""
    found, waiting = set(), list(names)
    while waiting:
        chunk = manifest[waiting.pop()]
        if chunk["file"] not in found:
            found |= {chunk["file"], *chunk.get("css", [])}
            waiting += chunk.get("imports", [])
    return found


def sent_bytes(names: set[str]) -> int:
    """As the server sends them."""
    packed = [build.BUNDLE / f"{name}.gz" for name in names]
    return sum((one if one.exists() else one.with_suffix("")).stat().st_size for one in packed)


def shell(manifest: dict) -> set[str]:
    return files(manifest, *(name for name, chunk in manifest.items() if chunk.get("isEntry")))


def test_the_shell_is_small(manifest):
    assert sent_bytes(shell(manifest)) <= SHELL_BYTES


def test_each_page_adds_little_to_it(manifest):
    own = shell(manifest)
    pages = {name: sent_bytes(files(manifest, name) - own) for name, chunk in manifest.items() if chunk.get("isDynamicEntry")}
    assert pages
    assert {name: size for name, size in pages.items() if size > ROUTE_BYTES} == {}


def test_what_is_loaded_is_named_by_its_content_and_compressed(manifest):
    for chunk in manifest.values():
        assert chunk["file"].startswith("assets/")
        assert "/" not in chunk["file"].removeprefix("assets/")
    big = [one for one in (build.BUNDLE / "assets").glob("*.js") if one.stat().st_size >= build.WORTH_BYTES]
    assert big
    assert [one.name for one in big if not one.with_name(f"{one.name}.gz").exists()] == []


def test_the_page_has_no_script_of_its_own(manifest):
    html = (build.BUNDLE / "index.html").read_text("utf-8")
    assert html.count("__NONCE__") == 1
    assert "<style" not in html
    assert all("src=" in one for one in html.split("<script")[1:])
