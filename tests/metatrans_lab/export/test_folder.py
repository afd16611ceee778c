import pytest

from metatrans_lab.errors import UserError
from metatrans_lab.export.folder import check_folder_to_write, whole_folder


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_a_folder_is_made_with_those_above_it(tmp_path):
    with whole_folder(tmp_path / "a" / "b", overwrite=False) as written:
        (written / "file").write_text("new")
    assert files(tmp_path) == {"a", "a/b", "a/b/file"}


def test_what_is_there_stays_unless_it_may_go(tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    with whole_folder(folder, overwrite=False) as written:  # an empty one is as good as none
        (written / "old").write_text("old")
    with pytest.raises(UserError, match=r"the folder .*there isn't empty; give another --output, or --overwrite"):
        check_folder_to_write(folder, overwrite=False)
    with whole_folder(folder, overwrite=True) as written:
        (written / "new").write_text("new")
    assert files(tmp_path) == {"there", "there/new"}


def test_nothing_is_left_half(tmp_path):
    folder = tmp_path / "there"
    with whole_folder(folder, overwrite=False) as written:
        (written / "old").write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_folder(folder, overwrite=True) as written:
        (written / "new").write_text("new")
        raise KeyboardInterrupt
    assert files(tmp_path) == {"there", "there/old"}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file is no folder; give another --output"):
        check_folder_to_write(tmp_path / "file", overwrite=True)
    with pytest.raises(UserError, match=r"can't write .*file/below, as .*file is no folder"):
        check_folder_to_write(tmp_path / "file" / "below", overwrite=True)
