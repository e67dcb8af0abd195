"""A control plane's application over a place of its own, asked in this process: what pages answer, without sockets and turns."""

import asyncio
import shutil
import sqlite3
from contextlib import closing

import httpx2

from regie.app import server
from regie.app.home import open_home
from tests.support.place import NOW, Place


class Asked:
    """`place`: the workspace `loop` of a driven home; `get` and `post` ask the application below its address."""

    def __init__(self, folder):
        self.home = open_home(folder, replay_from_ms=NOW)
        self.place = Place(self.home.store, self.home.folder)
        self.app = server.create_app(self.home)
        self._kept = folder.with_name(f"{folder.name}.kept.db")

    def keep(self):
        """Every test may begin from here: making a home costs seconds."""
        self._copy(self.home.folder / "regie.db", self._kept)

    def begin(self):
        """As it was kept, with an empty log."""
        self._copy(self._kept, self.home.folder / "regie.db")
        shutil.rmtree(self.home.predictions, ignore_errors=True)

    @staticmethod
    def _copy(source, target):
        with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
            one.backup(other)

    def get(self, path, token="", **query):
        return self._call("GET", path, token, params=query)

    def post(self, path, body, token=""):
        return self._call("POST", path, token, json=body)

    def _call(self, method, path, token, **parts):
        headers = {"authorization": f"Bearer {token}"} if token else {}

        async def ask():
            transport = httpx2.ASGITransport(app=self.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8700", trust_env=False) as client:
                return await client.request(method, f"/w/loop/api/v1/{path}", headers=headers, **parts)

        return asyncio.run(ask())
