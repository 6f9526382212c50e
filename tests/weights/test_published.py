"""The table of published weights, and downloads from a server on this machine."""

import dataclasses
import gc
import hashlib
import http.server
import threading
import warnings

import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.model.fasternet import VARIANTS
from fasternet_paddle.weights import published
from tests import foreign

TINY = foreign.safetensors(foreign.timm(foreign.authors(*foreign.TINY, classes=1000)))


@pytest.fixture
def server(tmp_path):
    """``server[path] = bytes`` is what a server on the loopback answers; ``server["url"]`` is its address."""
    answers = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = answers.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_):
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    answers["url"] = f"http://127.0.0.1:{listening.server_address[1]}"
    yield answers
    listening.shutdown()
    thread.join()
    listening.server_close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a refused answer's socket, which pooch leaves to the collector
        gc.collect()


@pytest.fixture
def entry(server, tmp_path, monkeypatch):
    """``entry(**fields)`` puts timm's T0, served from this machine, into the table; what is left of a download."""
    monkeypatch.setenv("FASTERNET_CACHE", str(tmp_path / "cache"))

    def put(**fields):
        url = f"{server['url']}/model.safetensors"
        found = published.Published("t0", "timm", url, None)
        monkeypatch.setitem(published.PUBLISHED, "t0-imagenet-timm", dataclasses.replace(found, **fields))
        return lambda: [path.name for path in (tmp_path / "cache").glob("*/*")]

    return put


def test_the_table():
    assert len(published.PUBLISHED) == 24
    for name, entry in published.PUBLISHED.items():
        assert name == f"{entry.variant}-imagenet-{entry.source}" and entry.variant in VARIANTS
        assert entry.url.startswith("https://") and entry.url.endswith((".pth", ".pdparams", ".safetensors"))
        assert entry.top1 is None or 70 < entry.top1 < 85
    assert len({entry.url for entry in published.PUBLISHED.values()}) == 24
    authors = published.PUBLISHED["l-imagenet-authors"]
    assert authors.url.endswith("/v1.0/fasternet_l-epoch.299-val_acc1.83.5060.pth") and authors.top1 == 83.506
    assert published.PUBLISHED["t1-imagenet-paddlex"].url.endswith("/FasterNet-T1_pretrained.pdparams")


def test_a_download_is_kept_and_said(server, entry, capfd):
    left = entry()
    server["/model.safetensors"] = TINY
    path = published.fetch("t0-imagenet-timm")
    assert path.read_bytes() == TINY and left() == ["t0-imagenet-timm.safetensors"]
    told = capfd.readouterr().err
    assert "held to neither hash nor size, since its source publishes none, but to its keys" in told
    server.pop("/model.safetensors")
    assert published.fetch("t0-imagenet-timm") == path  # from the cache
    assert capfd.readouterr().err == ""


def test_a_published_hash_is_held_to(server, entry, capfd):
    left = entry(pointer=f"{server['url']}/pointer")
    digest = hashlib.sha256(TINY).hexdigest()
    server["/model.safetensors"] = TINY
    server["/pointer"] = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 9\n".encode()
    published.fetch("t0-imagenet-timm")
    assert "held to its published SHA-256, its keys" in capfd.readouterr().err
    for name in left():
        (published.cache_root() / "weights" / name).unlink()
    server["/pointer"] = server["/pointer"].replace(digest.encode(), digest[::-1].encode())
    with pytest.raises(FasterNetError, match="its SHA-256 is not the one that its source publishes"):
        published.fetch("t0-imagenet-timm")
    server["/pointer"] = b"<html>"
    with pytest.raises(FasterNetError, match="names no SHA-256"):
        published.fetch("t0-imagenet-timm")
    assert left() == []


def test_a_published_size_is_held_to(server, entry, capfd):
    left = entry(mib=1000.0)
    server["/model.safetensors"] = TINY
    with pytest.raises(FasterNetError, match=r"it has \d.\d MiB, its source states 1000.0"):
        published.fetch("t0-imagenet-timm")
    assert left() == []
    entry(mib=round(len(TINY) / 2**20, 1))
    published.fetch("t0-imagenet-timm")
    assert "(its source publishes no hash), its keys" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<html>no such file</html>", "is refused"),
        (TINY[:-1], "is refused"),
        (foreign.safetensors(foreign.authors(*foreign.TINY)), "weights of the family authors with 10 classes"),
        (None, "HTTPError"),
    ],
)
def test_what_is_not_the_file_leaves_nothing(server, entry, content, says):
    left = entry()
    server["/model.safetensors"] = content
    with pytest.raises(FasterNetError, match=says) as caught:
        published.fetch("t0-imagenet-timm")
    assert "\n" not in str(caught.value) and left() == []


def test_offline(entry):
    left = entry(url="http://127.0.0.1:9/model.safetensors")  # where nothing listens
    with pytest.raises(FasterNetError, match=r"nor could it be downloaded from .*put the file there"):
        published.fetch("t0-imagenet-timm")
    assert left() == []
    with pytest.raises(FasterNetError, match="unknown weights 't9'; known: t0-imagenet-authors"):
        published.fetch("t9")
