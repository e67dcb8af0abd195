"""A step's code parts: whatever it depends on changes them, whatever it does not leaves them alone."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regie.pipelines import project
from regie.pipelines.code import closure

FLOW = """
from regie import step
import helpers
from helpers import scale as s, LIMIT

FACTOR = 3

@step
def fit(rows, depth=4):
    return s(rows) * FACTOR + depth

@step
def other(rows):
    return rows
"""
HELPERS = """
BASE = 10
LIMIT = BASE * 2

def scale(x):
    return inner(x) / LIMIT

def inner(x):
    return x + 1

def unused(x):
    return x
"""


def parts(files, function="fit", module="flow"):
    return closure(files, module, function)


def changed(files, path, old, new, function="fit"):
    assert old in files[path], "the test edits something that is not there"
    after = files | {path: files[path].replace(old, new)}
    return parts(files, function).digest != parts(after, function).digest


PLAIN = {"flow.py": FLOW, "helpers.py": HELPERS}


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        pytest.param("flow.py", "+ depth", "- depth", id="the step itself"),
        pytest.param("flow.py", "FACTOR = 3", "FACTOR = 4", id="a constant"),
        pytest.param("flow.py", "depth=4", "depth=5", id="a default argument"),
        pytest.param("helpers.py", "inner(x) / LIMIT", "inner(x) * LIMIT", id="a helper under another name"),
        pytest.param("helpers.py", "x + 1", "x + 2", id="a helper's helper in another module"),
        pytest.param("helpers.py", "BASE = 10", "BASE = 11", id="what a constant is computed from"),
    ],
)
def test_a_change_of_what_a_step_reaches_changes_its_parts(path, old, new):
    assert changed(PLAIN, path, old, new)


def test_a_change_of_what_a_step_does_not_reach_leaves_it_alone():
    assert not changed(PLAIN, "helpers.py", "def unused(x):\n    return x", "def unused(x):\n    return x * 7")
    assert not changed(PLAIN, "flow.py", "FACTOR = 3", "FACTOR = 4", function="other")
    assert parts(PLAIN).level == "function"


def test_comments_and_layout_do_not_count():
    after = {path: "# a comment\n\n" + text.replace("\n", "   # said\n\n", 3) for path, text in PLAIN.items()}
    assert parts(after).parts == parts(PLAIN).parts


def test_the_part_that_differs_is_named():
    before, after = parts(PLAIN).parts, parts(PLAIN | {"helpers.py": HELPERS.replace("x + 1", "x + 2")}).parts
    assert [name for name in before if before[name] != after.get(name)] == ["helpers.inner"]


HIDING = {
    "a decorator": ({"flow.py": "from d import twice\n@twice\ndef fit(x): return x\n",
                     "d.py": "def twice(f):\n    return lambda x: f(x) * 2\n"}, "d.py", "* 2", "* 3"),
    "a class's method": ({"flow.py": "import m\ndef fit(x): return m.Enc().go(x)\n",
                          "m.py": "class Enc:\n    def go(self, x): return x + 1\n"}, "m.py", "+ 1", "+ 2"),
    "a base class in a third module": ({"flow.py": "from m import Enc\ndef fit(x): return Enc().go(x)\n",
                                        "m.py": "import b\nclass Enc(b.Base): pass\n",
                                        "b.py": "class Base:\n    def go(self, x): return x + 1\n"}, "b.py", "+ 1", "+ 2"),
    "an aliased module": ({"flow.py": "import pkg.sub as ps\ndef fit(x): return ps.f(x)\n", "pkg/__init__.py": "",
                           "pkg/sub.py": "def f(x): return 1\n"}, "pkg/sub.py", "return 1", "return 2"),
    "a dotted import": ({"flow.py": "import pkg.sub\ndef fit(x): return pkg.sub.f(x)\n",
                         "pkg/sub.py": "def f(x): return 1\n"}, "pkg/sub.py", "return 1", "return 2"),
    "a relative import": ({"flow.py": "from pkg.a import f\ndef fit(x): return f(x)\n", "pkg/__init__.py": "",
                           "pkg/a.py": "from .b import g\ndef f(x): return g(x)\n", "pkg/b.py": "def g(x): return 1\n"},
                          "pkg/b.py", "return 1", "return 2"),
    "a re-export of a package": ({"flow.py": "from pkg import f\ndef fit(x): return f(x)\n", "pkg/__init__.py": "from .b import f\n",
                                  "pkg/b.py": "def f(x): return 1\n"}, "pkg/b.py", "return 1", "return 2"),
    "an import inside the function": ({"flow.py": "def fit(x):\n    from h import g\n    return g(x)\n",
                                       "h.py": "def g(x): return 1\n"}, "h.py", "return 1", "return 2"),
    "a star import": ({"flow.py": "from h import *\ndef fit(x): return g(x)\n", "h.py": "def g(x): return 1\n"},
                      "h.py", "return 1", "return 2"),
    "getattr on a module": ({"flow.py": "import h\ndef fit(x): return getattr(h, 'g' + 'h')(x)\n", "h.py": "import z\ndef gh(x): return 1\n",
                             "z.py": "A = 1\n"}, "z.py", "A = 1", "A = 2"),
    "importlib": ({"flow.py": "import importlib\ndef fit(x): return importlib.import_module('h' + 'j').g(x)\n",
                   "hj.py": "def g(x): return 1\n"}, "hj.py", "return 1", "return 2"),
    "importlib under another name": ({"flow.py": "from importlib import import_module as im\ndef fit(x): return im('h' + 'j').g(x)\n",
                                      "hj.py": "def g(x): return 1\n"}, "hj.py", "return 1", "return 2"),
    "eval": ({"flow.py": "def fit(x): return eval('__im' + 'port__(\"h\")').g(x)\n", "h.py": "def g(x): return 1\n"},
             "h.py", "return 1", "return 2"),
    "__import__": ({"flow.py": "def fit(x): return __import__('h' + 'j').g(x)\n", "hj.py": "def g(x): return 1\n"},
                   "hj.py", "return 1", "return 2"),
    "sys.modules": ({"flow.py": "import sys, h\ndef fit(x): return sys.modules['h'].g(x)\n", "h.py": "def g(x): return 1\n"},
                    "h.py", "return 1", "return 2"),
    "globals()": ({"flow.py": "K = 1\ndef g(x): return 1\ndef fit(x): return globals()['g'](x)\n"}, "flow.py", "return 1", "return 2"),
    "a module handed around": ({"flow.py": "import h\ndef call(m, x): return m.g(x)\ndef fit(x): return call(h, x)\n",
                                "h.py": "def g(x): return 1\n"}, "h.py", "return 1", "return 2"),
    "a module under a constant": ({"flow.py": "import h\nBACKEND = h\ndef fit(x): return BACKEND.g(x)\n",
                                   "h.py": "def g(x): return 1\n"}, "h.py", "return 1", "return 2"),
    "a module's own __getattr__": ({"flow.py": "import h\ndef fit(x): return h.g(x)\n",
                                    "h.py": "def _g(x): return 1\ndef __getattr__(n): return _g\n"}, "h.py", "return 1", "return 2"),
    "a conditional import": ({"flow.py": "try:\n    from fast import g\nexcept ImportError:\n    from slow import g\n"
                                          "def fit(x): return g(x)\n",
                              "slow.py": "def g(x): return 1\n"}, "slow.py", "return 1", "return 2"),
    "a patched attribute": ({"flow.py": "import h, patch\ndef fit(x): return h.g(x)\n", "h.py": "K = 1\ndef g(x): return K\n",
                             "patch.py": "import h\nh.K = 5\n"}, "patch.py", "h.K = 5", "h.K = 6"),
    "a patch by setattr": ({"flow.py": "import h, patch\ndef fit(x): return h.g(x)\n", "h.py": "K = 1\ndef g(x): return K\n",
                            "patch.py": "import h\nV = 5\nsetattr(h, 'K', V)\n"}, "patch.py", "V = 5", "V = 6"),
    "a statement when a module loads": ({"flow.py": "K = []\nK.append(1)\ndef fit(x): return K\n"}, "flow.py", "append(1)", "append(2)"),
    "an item set when a module loads": ({"flow.py": "import h\ndef fit(x): return h.K\n", "h.py": "K = {}\nK['a'] = 1\n"},
                                        "h.py", "= 1", "= 2"),
    "a registry filled by a decorator": ({"flow.py": "import reg, models\ndef fit(x): return reg.ALL['a'](x)\n",
                                          "reg.py": "ALL = {}\ndef add(n):\n    def w(f):\n"
                                          "        ALL[n] = f\n        return f\n    return w\n",
                                          "models.py": "from reg import add\n@add('a')\ndef m(x): return 1\n"},
                                         "models.py", "return 1", "return 2"),
    "a registry filled by subclassing": ({"flow.py": "import reg, models\ndef fit(x): return reg.ALL[0]().go(x)\n",
                                          "reg.py": "ALL = []\nclass B:\n    def __init_subclass__(cls): ALL.append(cls)\n",
                                          "models.py": "from reg import B\nclass M(B):\n    def go(self, x): return 1\n"},
                                         "models.py", "return 1", "return 2"),
    "a global that another function sets": ({"flow.py": "K = 1\ndef init():\n    global K\n    K = 2\ninit()\ndef fit(x): return K\n"},
                                            "flow.py", "K = 2", "K = 3"),
    "the order of imports with effects": ({"flow.py": "import a\nimport b\nimport c\ndef fit(x): return c.K\n", "c.py": "K = 0\n",
                                           "a.py": "import c\nc.K = 1\n", "b.py": "import c\nc.K = 2\n"},
                                          "flow.py", "import a\nimport b\n", "import b\nimport a\n"),
    "the order of constants": ({"flow.py": "A = 1\nK = A\nA = 2\ndef fit(x): return K, A\n"}, "flow.py", "K = A\nA = 2", "A = 2\nK = A"),
    "a library that patches another": ({"flow.py": "import os\ndef fit(x): return x\n"}, "flow.py", "import os", "import os, patcher"),
    "a package's __init__": ({"flow.py": "from pkg.a import f\ndef fit(x): return f(x)\n", "pkg/__init__.py": "from pkg import a\na.K = 1\n",
                              "pkg/a.py": "K = 0\ndef f(x): return K\n"}, "pkg/__init__.py", "K = 1", "K = 2"),
    "a folder put on the path": ({"flow.py": "import sys\nsys.path.insert(0, 'vendor')\nimport lib\ndef fit(x): return lib.f(x)\n",
                                  "vendor/lib.py": "def f(x): return 1\n"}, "vendor/lib.py", "return 1", "return 2"),
    "a child process": ({"flow.py": "import subprocess, sys\ndef fit(x): return subprocess.run([sys.executable, x])\n",
                         "job.py": "print(1)\n"},
                        "job.py", "print(1)", "print(2)"),
    "a name in a string": ({"flow.py": "from lib import locate\ndef fit(x): return locate('h.g')(x)\n", "h.py": "def g(x): return 1\n"},
                           "h.py", "return 1", "return 2"),
    "unpickling": ({"flow.py": "import pickle\ndef fit(x): return pickle.loads(x)\n",
                     "h.py": "class A:\n    k = 1\n"}, "h.py", "k = 1", "k = 2"),
    "a src folder": ({"flow.py": "from mypkg.h import g\ndef fit(x): return g(x)\n", "src/mypkg/h.py": "def g(x): return 1\n"},
                     "src/mypkg/h.py", "return 1", "return 2"),
    "a lambda in a constant": ({"flow.py": "from h import g\nF = {'a': lambda x: g(x)}\ndef fit(x): return F['a'](x)\n",
                                "h.py": "def g(x): return 1\n"}, "h.py", "return 1", "return 2"),
    "a nested function": ({"flow.py": "import h\ndef fit(x):\n    def inner(y): return h.g(y)\n    return [inner(one) for one in x]\n",
                           "h.py": "def g(x): return 1\n"}, "h.py", "return 1", "return 2"),
    "a future import": ({"flow.py": "def fit(x: int): return fit.__annotations__\n"}, "flow.py", "def fit",
                        "from __future__ import annotations\ndef fit"),
    "a module that does not parse": ({"flow.py": "import h\ndef fit(x): return h.g(x)\n", "h.py": "def g(x): return 1 1\n"},
                                     "h.py", "1 1", "1 2"),
    "an import in a class's body": ({"flow.py": "class Tools:\n    import h\ndef fit(x): return Tools.h.g(x)\n",
                                     "h.py": "def g(x): return 1\n"}, "h.py", "return 1", "return 2"),
    "an import that a function makes global": ({"flow.py": "def load():\n    global h\n    import h\nload()\ndef fit(x): return h.g(x)\n",
                                                "h.py": "def g(x): return 1\n"}, "h.py", "return 1", "return 2"),
    "a module behind a module that is handed around": (
        {"flow.py": "import h\nfrom operator import attrgetter\ndef fit(x): return attrgetter('z' + '.K')(h)\n",
         "h.py": "import z\n", "z.py": "K = 1\n"}, "z.py", "K = 1", "K = 2"),
    "a type hint in quotes": ({"flow.py": "from h import Out\ndef fit(x) -> 'Out': return x\n", "h.py": "Out = int\n"},
                              "h.py", "Out = int", "Out = float"),
    "vars under another name": ({"flow.py": "look = vars\nK = 1\ndef fit(x): return look()['x'] + x\ndef g(): return 1\n"},
                                "flow.py", "return 1", "return 2"),
    "the source of a module itself": ({"flow.py": "def fit(x): return open(__file__.replace('flow', 'h')).read()\n", "h.py": "A = 1\n"},
                                      "h.py", "A = 1", "A = 2"),
    "sys by a detour": ({"flow.py": "import os, h\ndef fit(x): return os.sys.modules['h'].g(x)\n", "h.py": "def g(x): return 1\n"},
                        "h.py", "return 1", "return 2"),
    "a method named in a string": ({"flow.py": "from lib import locate\ndef fit(x): return locate('pkg.h.Enc.go')(x)\n",
                                    "pkg/__init__.py": "",
                                    "pkg/h.py": "class Enc:\n    def go(x): return 1\n"}, "pkg/h.py", "return 1", "return 2"),
    "a module that hides one of the standard library": ({"flow.py": "import json\ndef fit(x): return json.dumps(x)\n",
                                                         "decimal.py": "A = 1\n"}, "decimal.py", "A = 1", "A = 2"),
    "a constant that is no longer there": ({"flow.py": "def fit(x):\n    import h\n    return h.g(x)\n",
                                            "h.py": "A = 1\nB = A\ndef g(x): return 1\n"}, "h.py", "A = 1\n", "B = A\n"),
    "the order of a call and what it calls": ({"flow.py": "def fit(x):\n    import h\n    return h.K\n",
                                               "h.py": "def f(): return g()\ndef g(): return 1\nK = f()\n"},
                                              "h.py", "def g(): return 1\nK = f()\n", "K = f()\ndef g(): return 1\n"),
    "a class made inside of a closure": ({"flow.py": "from h import make\nMade = make(2)\ndef fit(x): return Made().go(x)\n",
                                          "h.py": "def make(n):\n    class C:\n        def go(self, x): return n + 1\n    return C\n"},
                                         "h.py", "n + 1", "n + 2"),
    "a re-export under another name": ({"flow.py": "from a import f\ndef fit(x): return f(x)\n", "a.py": "from b import g as f\n",
                                        "b.py": "def g(x): return 1\ndef h(x): return 1\n"}, "a.py", "import g as f", "import h as f"),
    "a default that another module computes": ({"flow.py": "import h\ndef fit(x, y=h.K): return y\n", "h.py": "J = 2\nK = J * 2\n"},
                                               "h.py", "J = 2", "J = 3"),
    "a docstring that a library may read": ({"flow.py": "def fit(x):\n    'Say yes.'\n    return x.ask(fit)\n"}, "flow.py", "yes", "no"),
}  # fmt: skip


@pytest.mark.parametrize("way", HIDING)
def test_no_way_of_hiding_a_dependency_hides_it(way):
    files, path, old, new = HIDING[way]
    assert changed(files, path, old, new)


OPTIONAL = {"flow.py": "try:\n    import fast\n    HAS = True\nexcept ImportError:\n    HAS = False\ndef fit(x): return HAS\n"}


@pytest.mark.parametrize("more", [{"fast.py": ""}, {"fast/__init__.py": ""}, {"src/fast.py": ""}])
def test_a_module_that_an_optional_import_finds_later_is_seen(more):
    assert parts(OPTIONAL).digest != parts(OPTIONAL | more).digest


def test_a_name_that_an_import_finds_later_is_seen():
    files = {"flow.py": OPTIONAL["flow.py"].replace("import fast", "from fast import g"), "fast.py": "A = 1\n"}
    assert changed(files, "fast.py", "A = 1", "g = 1")
    assert not changed(files, "fast.py", "A = 1", "A = 2")


def test_the_encoding_that_a_comment_names_counts():
    text = "# coding: {}\nNAME = '\u00e4'\ndef fit(x): return NAME\n"
    utf8, latin = (project.files(project.pack_files({"flow.py": text.format(name).encode()})) for name in ("utf-8", "latin-1"))
    assert parts(utf8).digest != parts(latin).digest


def test_getattr_on_a_module_takes_the_whole_project():
    files = HIDING["getattr on a module"][0] | {"far.py": "X = 1\n"}
    assert parts(files).level == "project"
    assert changed(files, "far.py", "X = 1", "X = 2")


def test_a_module_handed_around_takes_that_module_and_no_other():
    files = HIDING["a module handed around"][0] | {"far.py": "X = 1\n"}
    assert parts(files).level == "module"
    assert not changed(files, "far.py", "X = 1", "X = 2")


def test_the_main_block_of_a_module_does_not_count():
    files = {"flow.py": "def fit(x): return x\nif __name__ == '__main__':\n    print(fit(1))\n"}
    assert not changed(files, "flow.py", "fit(1)", "fit(2)")


def test_a_function_that_is_not_found_counts_as_the_whole_project():
    assert parts(PLAIN, "missing").level == "project"
    assert parts(PLAIN, "fit", "nowhere").level == "project"


def test_a_chain_of_two_thousand_helpers_is_followed_to_its_end():
    chain = "def h0(x): return x + 1\n" + "".join(f"def h{i}(x): return h{i - 1}(x)\n" for i in range(1, 2000))
    files = {"flow.py": chain + "def fit(x): return h1999(x)\n"}
    assert changed(files, "flow.py", "x + 1", "x + 2")


def test_numbers_too_long_to_print_are_compared_as_text():
    files = {"flow.py": f"N = 0x{'f' * 5000}\ndef fit(x): return N\n"}
    assert changed(files, "flow.py", "0xff", "0xef")


# ---- the property: any semantic edit of a reachable function changes the key, no edit of a comment does

names = st.integers(2, 7)


@st.composite
def projects(draw):
    """A project of modules m0..mN, each function calling one of a later module, and one edit in a reached function."""
    count = draw(names)
    files: dict[str, str] = {}
    forms = ["import m{0}\n|m{0}.f{0}", "from m{0} import f{0}\n|f{0}", "from m{0} import f{0} as g\n|g", "import m{0} as q\n|q.f{0}",
                        "|__local__"]  # fmt: skip
    for number in range(count - 1):
        head, _, call = draw(st.sampled_from(forms)).format(number + 1).partition("|")
        local = call == "__local__"
        inside = f"    from m{number + 1} import f{number + 1} as k\n" if local else ""
        call = "k" if local else call
        files[f"m{number}.py"] = f"{head}def f{number}(x):\n{inside}    y = x + {number}\n    return {call}(y)\n"
    files[f"m{count - 1}.py"] = f"def f{count - 1}(x):\n    y = x + {count - 1}\n    return y\n"
    return files, draw(st.integers(0, count - 1))


@settings(max_examples=60, deadline=None)
@given(projects(), st.integers(100, 10**6))
def test_any_edit_of_a_reachable_function_changes_the_digest(project, value):
    files, number = project
    before = closure(files, "m0", "f0")
    path = f"m{number}.py"
    after = closure(files | {path: files[path].replace(f"x + {number}", f"x + {value}")}, "m0", "f0")
    assert before.digest != after.digest
    assert {name for name in before.parts if before.parts[name] != after.parts.get(name)} == {f"m{number}.f{number}"}


@settings(max_examples=60, deadline=None)
@given(
    projects(), st.text(st.characters(codec="utf-8", exclude_characters="\r\n\f\0", exclude_categories=("Cs", "Cc", "Zl", "Zp")))
)
def test_no_edit_of_a_comment_or_of_the_layout_changes_the_digest(project, comment):
    files, number = project
    path = f"m{number}.py"
    text = (
        files[path].replace("\n", f"  # {comment}\n", 1).replace("x +", "( x  \n  +").replace(f"{number}\n", f"{number} )\n", 1)
    )
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        text = f"# {comment}\n" + files[path]
    assert closure(files | {path: text}, "m0", "f0").parts == closure(files, "m0", "f0").parts
