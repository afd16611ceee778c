import subprocess

import pytest

from metatrans_lab.errors import UserError
from metatrans_lab.export import runtime
from metatrans_lab.export.runtime import FILES, cached_runtime, find_runtime, is_runtime, runtime_version


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write_runtime(folder, version="1.30.0"):
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text(f"/*!\n * ONNX Runtime Web v{version}\n */")


def test_a_package_s_folder_or_its_dist_will_do(tmp_path):
    write_runtime(tmp_path / "dist", "9.8.7")
    assert find_runtime(str(tmp_path)) == find_runtime(str(tmp_path / "dist")) == tmp_path / "dist"
    assert runtime_version(tmp_path / "dist") == "9.8.7"


def test_the_cache_is_used_if_it_is_whole(cache, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UserError, match=r"needs onnxruntime-web .* and npm, which would bring it, isn't here"):
        find_runtime()
    write_runtime(cached_runtime())
    assert find_runtime() == cached_runtime() and cached_runtime().is_relative_to(cache)


@pytest.mark.parametrize(
    "brought, message",
    [
        (None, r"npm can't bring onnxruntime-web .* \(code E404\); try again, or give its folder as --runtime"),
        (b"something else", r"what npm brought isn't onnxruntime-web .*: its checksum is another"),
        (subprocess.TimeoutExpired("npm", 300), r"npm took more than 300 s"),
    ],
)
def test_what_npm_does_wrong_is_told(cache, monkeypatch, brought, message):
    def run(command, cwd, **_):
        if isinstance(brought, Exception):
            raise brought
        if brought is not None:
            (cache / "metatrans" / cwd / "package.tgz").write_bytes(brought)
        failed = "npm error code E404\nnpm error 404 Not Found\n"
        return subprocess.CompletedProcess(command, int(brought is None), "", failed if brought is None else "")

    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr(runtime.subprocess, "run", run)
    with pytest.raises(UserError, match=message):
        find_runtime()
    assert not is_runtime(cached_runtime()) and not any((cache / "metatrans").iterdir())
