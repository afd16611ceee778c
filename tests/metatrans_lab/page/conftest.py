import pytest

from metatrans_lab.export import languages
from metatrans_lab.export.page import write_static


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A page without a model, with a few puzzles."""
    path = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(languages, "SHOWN_LEVELS", (1,))
        patch.setattr(languages, "PUZZLES", 2)
        write_static(path)
    return path
