"""Programs for `test_identity.py`: what each decorates and calls, as files in a folder of its own.

A program prints its results; two programs share a result if the second one runs nothing. `CASES` says for each pair
whether it must.
"""

from __future__ import annotations

#: Before every program: `cached` decorates over a folder, and `ran` notes that a function has run.
PRELUDE = """\
import sys, warnings
from refrain_cache import Cache, DiskTier
cache = Cache(disk=DiskTier(sys.argv[1]))
cached = cache.cached
def ran():
    print("ran")
"""

FUNCTION = '@cached()\ndef f(x):\n    print("ran")\n    return {body}\nf(1)\n'


def script(body, before="", name="main.py"):
    """One script that decorates `f`."""
    return {name: before + FUNCTION.format(body=body)}


def module(text, use="f(1)", name="work.py", main="main.py"):
    """A module, and a script that calls it."""
    head = "import sys\nsys.path.insert(0, '.')\n"
    return {name: text, main: f"from {name[:-3]} import *\n{use}\n" if not name.startswith("pkg/") else head}


F = '@cached()\ndef f(x):\n    print("ran")\n    return {}\n'
HELPED = 'def helper(x):\n    return {}\n' + F.format("helper(x)")
CLASS = 'class Shape:\n    side = {}\n    def area(self):\n        return {}\n'
USES_CLASS = CLASS + F.format("Shape().area()")
METHOD = (
    "class Model:\n    def __init__(self, weights):\n        self.weights = weights\n"
    "    def __refrain_key__(self):\n        return self.weights\n"
    "    {decorator}\n    def run(self, x):\n        print('ran')\n        return (self.weights, x)[0]\n"
)
MAKER = 'def make(k):\n    @cached()\n    def f(x):\n        print("ran")\n        return x * k\n    return f\n'
CLOSED = "def make(k):\n    return cached()(lambda x: print('ran') or k(x))\n"
DATA = "import dataclasses\n@dataclasses.dataclass\nclass Size:\n    width: int\n    def area(self):\n        return {}\n"
TAKES = '@cached()\ndef f(x):\n    print("ran")\n    return repr(type(x))\n'
EXEC = "source = {source!r}\nspace = {{'__name__': 'plugin', 'cached': cached, 'FACTOR': {factor}}}\nexec(source, space)\nspace['f'](1)\n"
LIBRARY_DECORATOR = (
    "import functools\ndef doubled(function):\n    @functools.wraps(function)\n    def wrapper(x):\n        return function(x) * {}\n    return wrapper\n"
)

#: Name, one program, another, whether the second finds the first one's results.
CASES = [
    # The same.
    ("the same script", script("x"), script("x"), True),
    ("comments and spacing of a script", script("x"), script("x   # the same"), True),
    ("the same module", module(F.format("x")), module(F.format("x")), True),
    ("a module used by two scripts", module(F.format("x")), module(F.format("x"), main="other.py", use="pass\nf(1)"), True),
    ("comments in a module", module(F.format("x")), module("# new\n" + F.format("x  # new")), True),
    ("spacing in a module", module(F.format("x+1")), module(F.format("(x  +\n 1)")), True),
    ("another place in a module", module(F.format("x")), module("a = 1\n\n\n" + F.format("x")), True),
    ("another function of the module changed", module("def g(): return 1\n" + F.format("x")), module("def g(): return 2\n" + F.format("x")), True),
    ("a decorator's settings", module(F.format("x")), module(F.format("x").replace("cached()", "cached(ttl_seconds=60)")), True),
    ("the same closure", module(MAKER, "make(2)(1)"), module(MAKER, "make(2)(1)"), True),
    ("a closure made after another", module(MAKER, "make(3)\nmake(2)(1)"), module(MAKER, "make(2)(1)"), True),
    ("the same lambda", module("f = cached()(lambda x: print('ran') or x)\n"), module("f = cached()(lambda x: print('ran') or x)\n"), True),
    ("the same helper", module(HELPED.format("x")), module(HELPED.format("x")), True),
    ("a helper defined below", module(F.format("h(x)") + "def h(x): return x\n"), module(F.format("h(x)") + "def h(x): return x\n"), True),
    ("recursion", module(F.format("x and f(x - 1)")), module(F.format("x and f(x - 1)")), True),
    ("functions that call each other", module("def g(x): return x and f(x - 1)\n" + F.format("g(x)")), module("def g(x): return x and f(x - 1)\n" + F.format("g(x)")), True),
    ("the same constant", module("K = 1\n" + F.format("K")), module("K = 1\n" + F.format("K")), True),
    ("a compiled function", module("import math\nf = cached()(math.sqrt)\n", "f(4); print('ran') if not cache.stats()['disk']['hits'] else 0"), module("import math\nf = cached()(math.sqrt)\n", "f(4); print('ran') if not cache.stats()['disk']['hits'] else 0"), True),
    ("the same bound object", module(METHOD.format(decorator=""), "cached()(Model('a').run)(1)"), module(METHOD.format(decorator=""), "cached()(Model('a').run)(1)"), True),
    ("the same partial", module("import functools\ndef g(k, x): print('ran'); return k * x\n", "cached()(functools.partial(g, 2))(1)"), module("import functools\ndef g(k, x): print('ran'); return k * x\n", "cached()(functools.partial(g, 2))(1)"), True),
    ("the same bytecode without source", {"main.py": EXEC.format(source=F.format("x"), factor=1)}, {"main.py": EXEC.format(source=F.format("x"), factor=1)}, True),
    ("a bumped version that is the same", module(F.replace("cached()", "cached(version='2')").format("x")), module(F.replace("cached()", "cached(version='2')").format("x + 0")), True),
    ("a name for two scripts", ({"a.py": FUNCTION.replace("cached()", "cached(name='f')").format(body="x")}), {"b.py": "pass\n" + FUNCTION.replace("cached()", "cached(name='f')").format(body="x")}, True),
    ("an instance of the same class", module(DATA.format("1") + TAKES, "f(Size(1))"), module(DATA.format("1") + TAKES, "f(Size(1))"), True),
    ("the same class as an argument", module(DATA.format("1") + TAKES, "f(Size)"), module(DATA.format("1") + TAKES, "f(Size)"), True),
    ("the same function as an argument", module("def g(x): return x\n" + TAKES, "f(g)"), module("def g(x): return x\n" + TAKES, "f(g)"), True),
    ("the same lambda as an argument", module(TAKES, "f(lambda x: 1)"), module(TAKES, "f(lambda x: 1)"), True),
    ("helpers that do not count", module(HELPED.replace("cached()", "cached(follow=False)").format("x")), module(HELPED.replace("cached()", "cached(follow=False)").format("x + 0")), True),
    ("run as a module and imported", {"pkg/__init__.py": "", "pkg/work.py": F.format("x") + "if __name__ == '__main__':\n    f(1)\n", "-m": "pkg.work"}, {"pkg/__init__.py": "", "pkg/work.py": F.format("x") + "if __name__ == '__main__':\n    f(1)\n", "main.py": "from pkg.work import f\nf(1)\n"}, True),
    ("a name in a script that is changed", {"a.py": "import b\nK = [1]\ndef helper(x): return x\n" + FUNCTION.replace("cached()", "cached(name='f')").format(body="helper(x)"), "b.py": ""}, {"a.py": "import b\nK = [2]\ndef helper(x): return x\n" + FUNCTION.replace("cached()", "cached(name='f')").format(body="helper(x)"), "b.py": ""}, True),
    # Different.
    ("a changed function", module(F.format("x")), module(F.format("x + 1")), False),
    ("a changed function of a script", script("x"), script("x + 1"), False),
    ("two scripts with equal functions", script("MODEL", "MODEL = [1]\n"), script("MODEL", "MODEL = [2]\n"), False),
    ("two lambdas of one module", module("f = cached()(lambda x: print('ran') or x)\n"), module("f = cached()(lambda x: print('ran') or x + 1)\n"), False),
    ("two lambdas of one line", module("g, f = cached()(lambda x: 0), cached()(lambda x: print('ran') or x)\n"), module("f, g = cached()(lambda x: print('ran') or x * 2), cached()(lambda x: print('ran') or x)\n"), False),
    ("two closures", module(MAKER, "make(2)(1)"), module(MAKER, "make(3)(1)"), False),
    ("two functions of one path", module("if True:\n  @cached()\n  def f(x):\n    print('ran')\n    return 1\n"), module("if True:\n  @cached()\n  def f(x):\n    print('ran')\n    return 2\n"), False),
    ("functions in closures", module(CLOSED, "make(lambda x: x)(1)"), module(CLOSED, "make(lambda x: x + 1)(1)"), False),
    ("a changed helper", module(HELPED.format("x")), module(HELPED.format("x + 1")), False),
    ("a helper's helper", module("def deep(x): return 1\n" + HELPED.format("deep(x)")), module("def deep(x): return 2\n" + HELPED.format("deep(x)")), False),
    ("a helper's default", module(HELPED.replace("helper(x):", "helper(x, k=1):").format("k")), module(HELPED.replace("helper(x):", "helper(x, k=2):").format("k")), False),
    ("a helper's default made elsewhere", module("K = 1\n" + HELPED.replace("helper(x):", "helper(x, k=K):").format("k")), module("K = 2\n" + HELPED.replace("helper(x):", "helper(x, k=K):").format("k")), False),
    ("a decorated helper", module("@cached()\n" + HELPED.format("x")), module("@cached()\n" + HELPED.format("x + 1")), False),
    ("a memoized helper", module("import functools\n@functools.lru_cache()\n" + HELPED.format("x")), module("import functools\n@functools.lru_cache()\n" + HELPED.format("x + 1")), False),
    ("a constant", module("K = 1\n" + F.format("K")), module("K = 2\n" + F.format("K")), False),
    ("a constant of another type", module("K = 1\n" + F.format("K")), module("K = True\n" + F.format("K")), False),
    ("a name that is another module's", module("from math import sin as g\n" + F.format("g(x)")), module("from math import cos as g\n" + F.format("g(x)")), False),
    ("a module under one name", module("import math as m\n" + F.format("m.sqrt(x)")), module("import cmath as m\n" + F.format("m.sqrt(x).real")), False),
    ("a class that is used", module(USES_CLASS.format(1, "self.side")), module(USES_CLASS.format(1, "-self.side")), False),
    ("a class attribute", module(USES_CLASS.format(1, "self.side")), module(USES_CLASS.format(2, "self.side")), False),
    ("two bound objects", module(METHOD.format(decorator=""), "cached()(Model('a').run)(1)"), module(METHOD.format(decorator=""), "cached()(Model('b').run)(1)"), False),
    ("a decorated method of two objects", module(METHOD.format(decorator="@cached()"), "Model('a').run(1)"), module(METHOD.format(decorator="@cached()"), "Model('b').run(1)"), False),
    ("class methods of two classes", module("class A:\n    @classmethod\n    def make(cls, x): print('ran'); return cls.__name__\nclass B(A): pass\n", "cached()(A.make)(1)"), module("class A:\n    @classmethod\n    def make(cls, x): print('ran'); return cls.__name__\nclass B(A): pass\n", "cached()(B.make)(1)"), False),
    ("two partials", module("import functools\ndef g(k, x): print('ran'); return k * x\n", "cached()(functools.partial(g, 2))(1)"), module("import functools\ndef g(k, x): print('ran'); return k * x\n", "cached()(functools.partial(g, 3))(1)"), False),
    ("partials by keyword", module("import functools\ndef g(x, k): print('ran'); return k * x\n", "cached()(functools.partial(g, k=2))(1)"), module("import functools\ndef g(x, k): print('ran'); return k * x\n", "cached()(functools.partial(g, k=3))(1)"), False),
    ("a wrapped function", module(LIBRARY_DECORATOR.format(2) + "@cached()\n@doubled\ndef f(x):\n    print('ran')\n    return x\n"), module(LIBRARY_DECORATOR.format(2) + "@cached()\n@doubled\ndef f(x):\n    print('ran')\n    return x + 1\n"), False),
    ("a wrapper", module(LIBRARY_DECORATOR.format(2) + "@cached()\n@doubled\ndef f(x):\n    print('ran')\n    return x\n"), module(LIBRARY_DECORATOR.format(3) + "@cached()\n@doubled\ndef f(x):\n    print('ran')\n    return x\n"), False),
    ("bytecode without source", {"main.py": EXEC.format(source=F.format("x"), factor=1)}, {"main.py": EXEC.format(source=F.format("x + 1"), factor=1)}, False),
    ("equal code in two namespaces", {"main.py": EXEC.format(source=F.format("x * FACTOR"), factor=5)}, {"main.py": EXEC.format(source=F.format("x * FACTOR"), factor=5000)}, False),
    ("two compiled functions", module("import math\nf = cached()(math.sqrt)\n", "f(4); print('ran') if not cache.stats()['disk']['hits'] else 0"), module("import math\nf = cached()(math.exp)\n", "f(4); print('ran') if not cache.stats()['disk']['hits'] else 0"), False),
    ("two modules with equal functions", module(F.format("x")), module(F.format("x"), name="other.py"), False),
    ("a script and a module", {"main.py": FUNCTION.format(body="x")}, module(F.format("x")), False),
    ("two names of one function", module(F.replace("cached()", "cached(name='a')").format("x")), module(F.replace("cached()", "cached(name='b')").format("x")), False),
    ("two versions", module(F.replace("cached()", "cached(version='1')").format("x")), module(F.replace("cached()", "cached(version='2')").format("x")), False),
    ("versions of closures", module(MAKER.replace("cached()", "cached(version='1')"), "make(2)(1)"), module(MAKER.replace("cached()", "cached(version='1')"), "make(3)(1)"), False),
    ("versions of two scripts", {"a.py": FUNCTION.replace("cached()", "cached(version='1')").format(body="x")}, {"b.py": FUNCTION.replace("cached()", "cached(version='1')").format(body="x")}, False),
    ("versions of two lambdas", module("f = cached(version='1')(lambda x: print('ran') or x)\n"), module("f = cached(version='1')(lambda x: print('ran') or x + 1)\n"), False),
    ("an instance of a changed class", module(DATA.format("1") + TAKES, "f(Size(1))"), module(DATA.format("2") + TAKES, "f(Size(1))"), False),
    ("a changed class as an argument", module(DATA.format("1") + TAKES, "f(Size)"), module(DATA.format("2") + TAKES, "f(Size)"), False),
    ("a changed function as an argument", module("def g(x): return x\n" + TAKES, "f(g)"), module("def g(x): return x + 1\n" + TAKES, "f(g)"), False),
    ("two lambdas as arguments", module(TAKES, "f(lambda x: 1)"), module(TAKES, "f(lambda x: 2)"), False),
    ("a member of a changed enumeration", module("import enum\nclass E(enum.Enum):\n    A = 1\n" + TAKES, "f(E.A)"), module("import enum\nclass E(enum.Enum):\n    A = 2\n" + TAKES, "f(E.A)"), False),
    ("classes made in functions", module("def make(k):\n    class Shape:\n        def area(self): return k\n    return Shape\n" + TAKES, "f(make(1))"), module("def make(k):\n    class Shape:\n        def area(self): return k\n    return Shape\n" + TAKES, "f(make(2))"), False),
    ("a key within its function", module(F.replace("cached()", "cached(key=lambda x: x)").format("x")), module("@cached(key=lambda x: x)\ndef g(x):\n    print('ran')\n", "g(1)"), False),
    ("a method that the method calls", module("class M:\n    def deep(self): return 1\n    @cached(ignore=['self'])\n    def run(self, x):\n        print('ran')\n        return self.deep()\n", "M().run(1)"), module("class M:\n    def deep(self): return 2\n    @cached(ignore=['self'])\n    def run(self, x):\n        print('ran')\n        return self.deep()\n", "M().run(1)"), False),
    ("a static method of a class", module("class M:\n    @staticmethod\n    def deep(x): return 1\n" + F.format("M.deep(x)")), module("class M:\n    @staticmethod\n    def deep(x): return 2\n" + F.format("M.deep(x)")), False),
    ("a docstring", module('@cached()\ndef f(x):\n    """one"""\n    print("ran")\n    return f.__doc__\n'), module('@cached()\ndef f(x):\n    """two"""\n    print("ran")\n    return f.__doc__\n'), False),
    ("an asynchronous function", module("import asyncio\n@cached()\nasync def f(x):\n    print('ran')\n    return 1\n", "asyncio.run(f(1))"), module("import asyncio\n@cached()\nasync def f(x):\n    print('ran')\n    return 2\n", "asyncio.run(f(1))"), False),
    ("given on the command line", {"-c": FUNCTION.format(body="x")}, {"-c": FUNCTION.format(body="x + 1")}, False),
    ("two projects", {"app/__init__.py": "", "app/core.py": F.format("'project a'"), "main.py": "from app.core import f\nf(1)\n"}, {"app/__init__.py": "", "app/core.py": F.format("'project b'"), "main.py": "from app.core import f\nf(1)\n"}, False),
]  # fmt: skip
