"""Weights come from where they were asked for, whole, and as safetensors only."""

from __future__ import annotations

import json
import os
import pickle
import shlex
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.numpy import save_file

from vision_cli.core.compute import weights
from vision_cli.core.compute.weights import resolve_weights, shipped_weights, verify
from vision_cli.core.errors import InputError, MissingError
from vision_cli.core.runs import files

CARD = {
    "task": "tiny",
    "parameters": 3,
    "data": "made up",
    "training_command": "vcli tiny train",
    "seed": 0,
    "metrics": {"dice_mean": 0.5, "steps": 100},
    "licence": "Apache-2.0",
}


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A directory of shipped weights: a network of two dimensions and one of three."""
    directory = tmp_path / "shipped"
    directory.mkdir()
    for name in ("net-2d", "net-3d"):
        file = directory / f"{name}.safetensors"
        save_file({"weight": np.zeros(3, np.float32), name: np.zeros(1)}, file)
        write_card(directory, name, sha256=files.sha256(file))
    monkeypatch.setattr(weights, "_SHIPPED", directory)
    monkeypatch.setattr(weights.shipped_weights, "__defaults__", (directory,))
    return directory


def write_card(directory, name, **changed):
    card = {**CARD, "sha256": "0" * 64, **changed}
    text = json.dumps({key: value for key, value in card.items() if value is not None})
    (directory / f"{name}.json").write_text(text, encoding="utf-8")


def test_cards_are_read_by_name(shipped):
    first, second = shipped_weights(shipped)
    assert (first.name, second.name) == ("net-2d", "net-3d")
    assert first.path == shipped / "net-2d.safetensors"
    assert first.metrics == {"dice_mean": 0.5, "steps": 100}
    assert verify(first)


def test_no_weights_at_all_are_no_cards(tmp_path):
    assert shipped_weights(tmp_path / "absent") == []


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"task": None}, "task: Field required"),
        ({"parameters": "many"}, "parameters: Input should be a valid integer"),
        ({"metrics": {"dice": "good"}}, r"metrics\.dice: Input should be a valid number"),
        ({"comment": "new"}, "comment: "),
    ],
    ids=["missing", "type", "nested type", "unknown"],
)
def test_a_damaged_card_is_named_with_its_field(shipped, changed, match):
    write_card(shipped, "net-3d", **changed)
    with pytest.raises(InputError, match=rf"net-3d\.json: damaged card \({match}"):
        shipped_weights(shipped)


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_a_card_that_is_no_card_is_refused(shipped, text):
    (shipped / "net-3d.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"net-3d\.json: damaged card"):
        shipped_weights(shipped)


def test_default_means_the_shipped_weights_of_the_task(shipped):
    assert resolve_weights("default", "tiny").card.name == "net-2d"
    resolved = resolve_weights("default", "tiny", "net-3d")
    assert resolved.path == shipped / "net-3d.safetensors"
    assert resolved.sha256 == resolved.card.sha256 == files.sha256(resolved.path)


def test_a_task_without_shipped_weights_says_so(shipped):
    with pytest.raises(MissingError, match="other: no weights found; this version ships none") as caught:
        resolve_weights("default", "other")
    assert "--weights" in caught.value.hint
    with pytest.raises(MissingError, match="tiny net-4d: no weights found"):
        resolve_weights("default", "tiny", "net-4d")


@pytest.mark.parametrize(
    "damage", [lambda file: file.write_bytes(b"x"), lambda file: file.unlink()], ids=["altered", "absent"]
)
def test_altered_shipped_weights_are_not_used(shipped, damage):
    damage(shipped / "net-2d.safetensors")
    assert not verify(shipped_weights(shipped)[0])
    with pytest.raises(InputError, match=r"net-2d\.safetensors: altered or missing"):
        resolve_weights("default", "tiny")


def test_a_file_is_taken_as_it_is(tmp_path):
    path = tmp_path / "own.safetensors"
    save_file({"weight": np.ones(2, np.float32)}, path)
    resolved = resolve_weights(str(path), "tiny")
    assert (resolved.path, resolved.sha256, resolved.card) == (path, files.sha256(path), None)


@pytest.mark.parametrize("name", ["own.pt", "own.safetensors"])
def test_a_pickle_is_never_opened_under_any_name(tmp_path, name):
    (tmp_path / name).write_bytes(pickle.dumps({"weight": [1.0]}))
    with pytest.raises(InputError, match=r"not in safetensors format .*; safetensors expected"):
        resolve_weights(str(tmp_path / name), "tiny")


@pytest.mark.parametrize("choice", ["absent.safetensors", "no-such-directory/own.safetensors", "a/b/c", "/absent"])
def test_a_file_that_is_not_there_is_missing(choice):
    with pytest.raises(MissingError, match="no such file"):
        resolve_weights(choice, "tiny")


def test_a_mistyped_file_in_a_directory_is_not_asked_of_a_hub(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingError, match="models/own: no such file"):
        resolve_weights("models/own", "tiny")


def test_a_folder_is_told_from_a_file(tmp_path):
    with pytest.raises(MissingError, match=r"a folder found; a .safetensors file expected") as caught:
        resolve_weights(str(tmp_path), "tiny")
    assert caught.value.hint == "The folder has no .safetensors file."
    save_file({"weight": np.ones(2, np.float32)}, tmp_path / "best.safetensors")
    with pytest.raises(MissingError) as caught:
        resolve_weights(str(tmp_path), "tiny")
    assert caught.value.hint == f"Give --weights {shlex.quote(str(tmp_path / 'best.safetensors'))}."


@pytest.fixture
def hub(tmp_path):
    """A hub on this machine: `answers` are its status and file, `asked` the requests so far, `resolve` a process."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            hub.asked.append(f"{self.command} {self.path}")
            self.send_response(hub.status)
            for name, value in {"ETag": '"1"', "X-Repo-Commit": "0" * 40, "Content-Length": len(hub.file)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(hub.file)

        def do_GET(self):
            self.do_HEAD()

        def log_message(self, *_):
            pass

    def resolve(choice, **environ):
        program = (
            "import sys\n"
            "from vision_cli.core.errors import VcliError\n"
            "from vision_cli.core.compute.weights import resolve_weights\n"
            "try:\n    print(resolve_weights(sys.argv[1], 'tiny').sha256)\n"
            "except VcliError as error:\n    print(error.message)\n    sys.exit(error.exit_code)\n"
        )
        return subprocess.run(
            [sys.executable, "-c", program, choice],
            cwd=tmp_path,
            env={**os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "cache"), **environ},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub = SimpleNamespace(status=200, file=b"", asked=[], resolve=resolve, server=server)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield hub
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status", [404, 401, 429, 503])
def test_a_hub_that_has_no_such_weights_is_asked_once(hub, status):
    hub.status = status
    done = hub.resolve("mistyped/folder")
    assert done.returncode == 4, done.stderr
    assert done.stdout.startswith(
        "--weights: mistyped/folder: no such file, and it cannot be downloaded from the hub ("
    )
    assert hub.asked == ["HEAD /mistyped/folder/resolve/main/model.safetensors"]


@pytest.mark.parametrize("environ", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:1"}])
def test_without_a_network_the_answer_is_the_same_and_at_once(hub, environ):
    begun = time.monotonic()
    done = hub.resolve("mistyped/folder", **environ)
    assert done.returncode == 4, done.stderr
    assert "no such file, and it cannot be downloaded from the hub" in done.stdout
    assert hub.asked == []
    # Asked again and again, with waits, it took half a minute and more.
    assert time.monotonic() - begun < 25


def test_weights_of_a_hub_are_fetched_once_and_kept_for_when_there_is_no_network(hub, tmp_path):
    save_file({"weight": np.ones(2, np.float32)}, tmp_path / "model.safetensors")
    hub.file = (tmp_path / "model.safetensors").read_bytes()
    digest = files.sha256(tmp_path / "model.safetensors")
    first = hub.resolve("someone/net")
    assert (first.returncode, first.stdout.strip()) == (0, digest), first.stderr
    assert [request.split()[0] for request in hub.asked].count("GET") == 1
    again = hub.resolve("someone/net", HF_HUB_OFFLINE="1")
    assert (again.returncode, again.stdout.strip()) == (0, digest), again.stderr


@pytest.mark.parametrize(("choice", "revision"), [("someone/net-v1.5", None), ("someone/net@abc123", "abc123")])
def test_weights_of_a_hub_are_fetched_at_their_revision(tmp_path, monkeypatch, choice, revision):
    path = tmp_path / "model.safetensors"
    save_file({"weight": np.ones(2, np.float32)}, path)
    calls = []

    def download(repository, name, revision):
        calls.append((repository, name, revision))
        return str(path)

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda _url: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert resolve_weights(choice, "tiny").sha256 == files.sha256(path)
    assert calls == [(choice.partition("@")[0], "model.safetensors", revision)]


def test_a_hub_out_of_reach_says_what_to_do(monkeypatch):
    def fail(*_, **__):
        raise LocalEntryNotFoundError("no network")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda _url: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    with pytest.raises(MissingError, match=r"cannot be downloaded from the hub \(LocalEntryNotFoundError\)") as caught:
        resolve_weights("someone/net", "tiny")
    assert "download its model.safetensors" in caught.value.hint
