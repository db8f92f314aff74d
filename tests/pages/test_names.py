import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py") if path.stem != "__init__")
SHARED = sorted(path.stem for path in (ROOT / "pages").iterdir() if path.is_dir() and not path.name.startswith("_"))


def test_there_are_pages_to_look_at():
    assert "frame" in PAGES
    assert SHARED == ["shared"]


def test_no_page_hides_a_standard_module():
    assert set(PAGES + SHARED) & set(sys.stdlib_module_names) == set()


def test_no_page_hides_a_package_of_this_project():
    ours = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path.is_dir() and path.name[:1].isalpha())}
    assert set(PAGES + SHARED) & ours == set()


def test_no_page_hides_an_installed_package():
    installed = set(metadata.packages_distributions())
    assert set(PAGES + SHARED) & installed == set()
