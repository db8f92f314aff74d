"""Rules about pages that a reader would otherwise have to remember, checked on their syntax trees."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = sorted((ROOT / "pages" / "shared").rglob("*.py"))
PAGES = sorted(path for path in (ROOT / "pages").glob("*.py") if path.stem != "__init__")
OTHERS = [
    path
    for folder in ("metrics", "queries", "records", "outreach", "reports")
    for path in (ROOT / folder).rglob("*.py")
]
CACHES = ("cache_data", "cache_resource", "cached")
FRAMES = ("DataFrame", "LazyFrame", "Series", "Figure")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def names_in(node: ast.AST | None) -> set[str]:
    if node is None:
        return set()
    found = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    found |= {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    return found | {
        part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def cached_functions(module: ast.Module) -> list[ast.FunctionDef]:
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [f for f in functions if any(names_in(decorator) & set(CACHES) for decorator in f.decorator_list)]


def faults(function: ast.FunctionDef) -> list[str]:
    """What is wrong with the arguments of a cached function; the first of ``@cached`` is the frames, no key."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    ours = any("cached" in names_in(decorator) for decorator in function.decorator_list)
    found = [f"{a.arg} starts with an underscore" for a in arguments if a.arg.startswith("_")]
    for argument in arguments[1:] if ours else arguments:
        if names_in(argument.annotation) & set(FRAMES):
            found.append(f"{argument.arg} is a frame")
        if argument.annotation is None:
            found.append(f"{argument.arg} has no type")
    return found


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.name)
def test_cached_functions_take_scalars_with_names_that_count(path):
    assert {f.name: faults(f) for f in cached_functions(tree(path)) if faults(f)} == {}


def test_the_rule_sees_what_it_forbids():
    bad = ast.parse("@st.cache_data\ndef f(frame: pl.DataFrame, _user: str, x): ...").body[0]
    assert isinstance(bad, ast.FunctionDef)
    assert faults(bad) == ["_user starts with an underscore", "frame is a frame", "x has no type"]
    good = ast.parse("@data.cached\ndef f(frames: Frames, who: Who, months: int): ...").body[0]
    assert isinstance(good, ast.FunctionDef)
    assert faults(good) == []


def test_streamlits_cache_is_used_in_one_place():
    users = [
        path.name for path in [*SHARED, *PAGES, *OTHERS] if names_in(tree(path)) & {"cache_data", "cache_resource"}
    ]
    assert users == ["data.py"]
    assert "cache_data" in names_in(tree(ROOT / "pages" / "shared" / "data.py"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_caches_nothing_itself(path):
    assert cached_functions(tree(path)) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_is_thin(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) <= 90


@pytest.mark.parametrize("path", [*PAGES, *SHARED], ids=lambda path: path.name)
def test_nothing_is_shown_as_html(path):
    used = names_in(tree(path))
    keywords = {keyword.arg for node in ast.walk(tree(path)) if isinstance(node, ast.Call) for keyword in node.keywords}
    assert "unsafe_allow_html" not in keywords
    assert used & {"html", "components", "iframe"} <= ({"html"} if path.name == "words.py" else set())


@pytest.mark.parametrize("path", [*PAGES, *SHARED], ids=lambda path: path.name)
def test_no_net_swallows_streamlits_signals(path):
    """``except BaseException`` and a bare ``except`` would catch a rerun; the boundary names what it catches."""
    handlers = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler)]
    assert all(handler.type is not None and "BaseException" not in names_in(handler.type) for handler in handlers)


@pytest.mark.parametrize("path", [*PAGES, *SHARED], ids=lambda path: path.name)
def test_figures_are_drawn_through_the_panel(path):
    """Only there do they get their alt text and the theme they are drawn for."""
    if path.name != "panel.py":
        assert "plotly_chart" not in names_in(tree(path))


@pytest.mark.parametrize("path", [*PAGES, *SHARED], ids=lambda path: path.name)
def test_tables_are_drawn_with_their_downloads(path):
    if path.name != "tables.py":
        assert names_in(tree(path)) & {"dataframe", "data_editor"} == set()
