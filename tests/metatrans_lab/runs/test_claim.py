import shutil

import pytest

from metatrans_lab.errors import UserError
from metatrans_lab.runs.claim import Claim


def test_a_claimed_folder_is_refused_until_it_is_released(tmp_path):
    first, second = Claim(tmp_path), Claim(tmp_path)
    first.take()
    with pytest.raises(UserError) as error:
        second.take()
    assert str(error.value) == f"another process is training in {tmp_path}; wait for it, or end it"
    first.release()
    second.take()
    with pytest.raises(UserError):
        first.take()
    second.release()


def test_its_own_claim_is_in_nobody_s_way(tmp_path):
    claim = Claim(tmp_path)
    claim.take()
    claim.take()
    claim.release()
    claim.release()


def test_a_folder_that_was_made_anew_is_claimed_again(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    claim, other = Claim(folder), Claim(folder)
    claim.take()
    shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError):
        other.take()
    folder.mkdir()
    other.take()  # the folder that was claimed is gone, and this is another
    with pytest.raises(UserError):
        claim.take()
    other.release()


def test_a_link_is_the_folder_that_it_leads_to(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    claim = Claim(tmp_path / "link")
    claim.take()
    with pytest.raises(UserError):
        Claim(tmp_path / "real").take()
    claim.release()


@pytest.mark.parametrize("without", ["no fcntl", "no locks"])
def test_where_there_are_no_locks_nobody_is_refused(tmp_path, monkeypatch, without):
    if without == "no fcntl":
        monkeypatch.setattr("metatrans_lab.runs.claim.fcntl", None)
    else:

        def flock(*_):
            raise OSError("no locks available")

        monkeypatch.setattr("fcntl.flock", flock)
    first, second = Claim(tmp_path), Claim(tmp_path)
    first.take()
    second.take()
