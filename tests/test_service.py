"""`faceline serve`: a service by real requests."""

import base64
import contextlib
import io
import json
import shutil
import signal
import socket
import stat
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from conftest import CLASSIFIER, run_script
from PIL import Image
from services import Served, serving

from faceline import FacelineError, enrol
from faceline.errors import UnreadableError
from faceline.service import connections
from faceline.service.asking import MOST_FACES, Asking
from faceline.service.guarding import hostname, is_loopback
from faceline.service.keys import FILE, key_of, make_key, read_keys


@pytest.fixture(scope="module")
def work(small, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("work é")
    enrol(small.train, folder)
    return folder


@pytest.fixture(scope="module")
def service(work, tmp_path_factory) -> Iterator[Served]:
    audit = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    with serving(work, "--audit", str(audit)) as served:
        yield served


@pytest.fixture(scope="module")
def probe(small) -> bytes:
    return small.probes[0][0].read_bytes()


def test_answers_are_those_of_infer(service, work, small):
    paths = [path for path, _ in small.probes] + [small.stranger]
    done = run_script(CLASSIFIER, "infer", work, *paths, "--json", "--multi", "--top", "3")
    expected = [
        json.loads(line) | {"image": path.name} for line, path in zip(done.stdout.splitlines(), paths, strict=True)
    ]
    with ThreadPoolExecutor(4) as clients:
        pictures = [("picture", path.name, path.read_bytes()) for path in paths]
        answers = list(clients.map(lambda picture: service.send("/faces?multi=true&top=3", picture), pictures * 2))
    assert answers == [(200, answer) for answer in expected * 2]
    assert service.send("/faces?multi=true&top=3", *pictures) == (200, expected)


def test_base64_alone_and_several(service, probe, small):
    name = small.probes[0][1]
    encoded = base64.b64encode(probe).decode()
    for picture in (encoded, f"data:image/jpeg;base64,{encoded}", {"name": "a.jpg", "data": encoded}):
        status, answer = service.ask("/faces", json.dumps({"picture": picture}).encode(), "application/json")
        assert (status, answer["faces"][0]["name"]) == (200, name)
    status, answers = service.ask("/faces", json.dumps({"picture": [encoded, "aGVsbG8="]}).encode(), "application/json")
    assert (status, [answer["status"] for answer in answers]) == (200, ["ok", "unreadable"])


def test_what_is_no_picture_and_what_shows_nobody(service):
    assert service.send("/faces", ("picture", "a.jpg", b"hello")) == (422, {"error": "not a picture"})
    file = io.BytesIO()
    Image.new("RGB", (100, 80)).save(file, "PNG")
    assert service.send("/faces", ("picture", "<b>.png", file.getvalue())) == (
        200,
        {"image": "<b>.png", "status": "no-face", "faces": []},
    )


@pytest.mark.parametrize(
    ("body", "kind", "status", "complaint"),
    [
        (b"", "application/json", 400, "the body is no JSON"),
        (b"[]", "application/json", 400, "no JSON object"),
        (b"[" * 100_000, "application/json", 400, "the body is no JSON"),
        (b"{}", "application/json", 400, "no picture; send one in the field picture"),
        (b'{"picture": 3}', "application/json", 400, "a picture is base64"),
        (b'{"picture": "%%"}', "application/json", 400, "not base64"),
        (json.dumps({"picture": ["aa"] * 33}).encode(), "application/json", 413, "more than 32 pictures"),
        (b"picture=3", "application/x-www-form-urlencoded", 415, "send a form"),
        (b"--x--", "multipart/form-data", 400, "boundary"),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x", 400, ""),
    ],
)
def test_other_bodies(service, body, kind, status, complaint):
    found, answer = service.ask("/faces", body, kind)
    assert found == status, answer
    assert complaint in answer["error"]


def test_text_that_is_none_and_too_much_of_it(service, probe):
    encoded = base64.b64encode(probe).decode()
    for path in ("/faces", "/detect", "/embeddings"):
        body = json.dumps({"picture": {"name": "\ud800", "data": encoded}}).encode()
        assert service.ask(path, body, "application/json")[0] == 200
    assert service.ask("/session", b'{"key": "\\ud800"}', "application/json")[0] == 401
    for path, status in ((f"/static/{'x' * 5000}.js", 404), ("/static/index.html", 404), ("/nothing", 404)):
        assert service.ask(path)[0] == status
        assert service.ask(path)[1]["error"]
    assert service.tell("PUT", "/people", {})[0] == 405
    status, answer = service.ask("/faces", b'{"a": [' + b"[]," * 20_000_000 + b"[]]}", "application/json")
    assert (status, answer["error"]) == (413, "too much JSON; pictures are base64")


def test_pictures_of_too_many_faces_are_refused(service, work, probe, small):
    """The service's recognizer has the limit; what it does is seen with a limit of one face, and none."""
    recognizer = Asking(work).recognizer()
    assert recognizer.most_faces == MOST_FACES
    assert len(recognizer.faces(probe)) == 1
    strict = replace(recognizer, most_faces=0)
    with pytest.raises(UnreadableError, match="1 faces, the limit is 0"):
        strict.faces(probe)
    assert len(strict.faces(probe, every=False)) == 1


def test_other_paths(service, work, probe, small):
    name = small.probes[0][1]
    assert service.ask("/health")[0] == 200
    people = sorted(path.name for path in (work / "training-images").iterdir())
    status, found = service.ask("/people")
    assert (status, [person["name"] for person in found["people"]]) == (200, people)
    assert all(person["known"] for person in found["people"])
    assert service.ask("/ready") == (200, {"status": "ok", "people": len(people)})
    status, found = service.send("/search?top=2", ("picture", "a.jpg", probe))
    assert (status, found["faces"][0]["candidates"][0]["name"]) == (200, name)
    status, found = service.send("/detect", ("picture", "a.jpg", probe))
    assert len(found["faces"][0]["landmarks"]) == 5
    assert "embedding" not in found["faces"][0]
    status, found = service.send("/embeddings", ("picture", "a.jpg", probe))
    assert len(found["faces"][0]["embedding"]) == 128
    status, found = service.send("/compare", ("first", "a.jpg", probe), ("second", "b.jpg", probe))
    assert status == 200
    (pair,) = found["pairs"]
    assert (pair["first"], pair["second"], pair["same_picture"]) == ("a.jpg", "b.jpg", True)
    assert service.send("/compare", ("first", "a.jpg", probe))[0] == 400
    assert service.send("/compare", ("first", "a.jpg", probe), ("first", "b.jpg", probe))[0] == 400
    assert service.ask("/faces?top=0", b"{}", "application/json")[0] == 400
    status, answer = service.send("/faces?top=none", ("picture", "a.jpg", probe))
    assert (status, answer["error"].startswith("top: ")) == (422, True)
    for threshold in ("-1", "nan"):
        assert service.send(f"/faces?threshold={threshold}", ("picture", "a.jpg", probe))[0] == 400
    status, text = service.ask("/metrics")
    assert 'faceline_requests_total{path="/search",status="200"} 1' in text
    assert f"faceline_people {len(people)}" in text
    status, page = service.ask("/docs")
    assert "/embeddings" in page
    assert "http" not in page.replace("HTTP", "")  # nothing from another site
    assert set(service.ask("/openapi.json")[1]["paths"]) >= {"/faces", "/compare", "/people", "/metrics"}
    assert service.ask("/../../etc/passwd")[0] == 404


def test_pages_of_other_sites_do_not_ask(service):
    """Not by a script, and not by an element whose loading tells whether there is such a person."""
    for site, mode, status in (
        ("cross-site", "no-cors", 403),
        ("same-site", "no-cors", 403),
        ("same-origin", "cors", 200),
    ):
        assert service.ask("/people", Sec_Fetch_Site=site, Sec_Fetch_Mode=mode)[0] == status
    assert service.ask("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Dest="document")[0] == 200  # a link to it
    assert service.ask("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Dest="iframe")[0] == 403
    with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/people") as answer:
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
    assert service.ask("/people", host="evil.example")[0] == 403
    assert service.ask("/people", Origin="http://evil.example")[0] == 403
    assert service.ask("/people", host=f"localhost:{service.port}", Origin=f"http://localhost:{service.port}")[0] == 200


ASKS = b"POST /faces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_too_much(service):
    with socket.create_connection(("127.0.0.1", service.port)) as client:
        client.sendall(ASKS + b"Content-Length: 1000000000\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 413")
    with socket.create_connection(("127.0.0.1", service.port)) as client:  # it does not say how much
        client.sendall(ASKS + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
        for _ in range(96):
            client.sendall(chunk)
        assert client.recv(1000).startswith(b"HTTP/1.1 413")


def test_64_at_once_are_answered_or_told_to_come_again(service, probe):
    with ThreadPoolExecutor(64) as clients:
        picture = ("picture", "a.jpg", probe)
        answers = list(clients.map(lambda _: service.send("/faces", picture), range(64)))
    statuses = {status for status, _ in answers}
    assert statuses <= {200, 503}
    named = [answer for status, answer in answers if status == 200]
    assert len(named) >= 8
    assert all(answer == named[0] for answer in named)
    assert all("come again" in answer["error"] for status, answer in answers if status == 503)
    assert service.ask("/health")[0] == 200


class Idle:
    """A server in a thread, whose connections have half a second for their headers."""

    def __init__(self, monkeypatch, most=512):
        monkeypatch.setattr(connections, "HEADER_SECONDS", 0.5)
        monkeypatch.setattr(connections, "most_connections", lambda: most)

        async def app(scope, receive, send):
            await receive()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})

        self.at = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(app, http=connections.Connection, lifespan="off", log_level="error")
        self.server = uvicorn.Server(config)  # in a thread, signals are not its own
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.at]})
        self.thread.start()

    def client(self):
        return socket.create_connection(self.at.getsockname())

    def end(self):
        self.server.should_exit = True
        self.thread.join()
        self.at.close()


WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def read(client: socket.socket, end: bytes) -> bytes:
    """What somebody is sent until that comes, or the connection ends."""
    client.settimeout(10)
    content = b""
    while not content.endswith(end) and (part := client.recv(1000)):
        content += part
    return content


def test_connections_that_ask_nothing_are_closed(monkeypatch):
    idle = Idle(monkeypatch)
    with contextlib.ExitStack() as stack:
        stack.callback(idle.end)
        clients = [stack.enter_context(idle.client()) for _ in range(20)]
        clients[1].sendall(WHOLE[:10])
        clients[2].sendall(WHOLE)
        assert read(clients[2], b"ok").startswith(b"HTTP/1.1 200")
        clients[2].sendall(WHOLE[:10])  # half of a second one
        assert [read(client, b"never") for client in clients] == [b""] * len(clients)


def test_only_so_many_connections_are_kept(monkeypatch):
    idle = Idle(monkeypatch, most=3)
    with contextlib.ExitStack() as stack:
        stack.callback(idle.end)
        clients = [stack.enter_context(idle.client()) for _ in range(3)]
        clients[0].sendall(WHOLE)
        assert read(clients[0], b"ok")  # they are taken by now
        with idle.client() as late:
            assert read(late, b"never").startswith(b"HTTP/1.1 503")
        clients[2].close()
        for _ in range(50):
            with idle.client() as next_one:
                next_one.sendall(WHOLE)
                if read(next_one, b"ok").startswith(b"HTTP/1.1 200"):
                    break
            time.sleep(0.05)
        else:
            raise AssertionError("nobody gets the place of who has gone")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_well(number, tmp_path):
    with serving(tmp_path) as served:
        served.process.send_signal(number)
        assert served.process.wait(20) == 0


def test_a_second_service_on_a_folder_is_refused(tmp_path):
    with serving(tmp_path):
        done = run_script("-m", "faceline", "serve", tmp_path, "--port", "0")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "another service serves it; stop that one, or name another folder" in done.stderr


def test_an_audit_log_that_is_gone_stops_nothing(work, tmp_path, probe):
    (tmp_path / "logs").mkdir()
    home = shutil.copytree(work, tmp_path / "work")
    with serving(home, "--audit", str(tmp_path / "logs" / "audit.jsonl")) as served:
        shutil.rmtree(tmp_path / "logs")
        assert served.send("/faces", ("picture", "a.jpg", probe))[0] == 200


def test_what_the_scripts_teach_it_knows(small, tmp_path, probe):
    """It serves an empty work folder, and answers when somebody has been enrolled."""
    (tmp_path / "work").mkdir()
    with serving(tmp_path / "work") as served:
        assert "nobody has been learnt yet" in served.said[-1]
        status, answer = served.ask("/ready")
        assert (status, "run faceline enrol" in answer["error"]) == (503, True)
        assert str(tmp_path) not in answer["error"]
        assert served.send("/faces", ("picture", "a.jpg", probe))[0] == 503
        assert served.send("/search", ("picture", "a.jpg", probe))[0] == 503
        assert len(served.send("/detect", ("picture", "a.jpg", probe))[1]["faces"]) == 1  # which needs nobody
        enrol(small.train, tmp_path / "work", jobs=1)
        assert served.send("/faces", ("picture", "a.jpg", probe))[1]["faces"][0]["name"] == small.probes[0][1]
        classifier = tmp_path / "work" / "generated-embeddings" / "classifier.pkl"
        classifier.write_bytes(b"damaged")
        assert served.ask("/ready")[0] == 200  # the one before


def test_elsewhere_nobody_asks_without_a_key(work, tmp_path, probe):
    home = shutil.copytree(work, tmp_path / "work")
    with serving(home, "--host", "0.0.0.0", "--audit", str(tmp_path / "audit.jsonl")) as served:
        key = served.said[0].rpartition(" ")[2]
        assert served.said[0].startswith("Key first (admin), shown once: ")
        assert served.ask("/health")[0] == 200
        assert served.ask("/people")[0] == 401
        assert served.ask("/people", Authorization="Bearer wrong")[0] == 401
        assert served.ask("/people", X_API_Key="é")[0] == 401
        assert served.ask("/people", Authorization=f"Bearer {key}")[0] == 200
        assert served.send("/faces", ("picture", "a.jpg", probe), X_API_Key=key)[0] == 200
    stored = (home / FILE).read_text()
    assert key not in stored
    assert stat.S_IMODE((home / FILE).stat().st_mode) == 0o600
    text = (tmp_path / "audit.jsonl").read_text()
    entries = [json.loads(line) for line in text.splitlines()]
    assert [(entry["key"], entry["path"], entry["status"]) for entry in entries] == [
        (None, "other", 401),
        (None, "other", 401),
        (None, "other", 401),
        ("first", "/people", 200),
        ("first", "/faces", 200),
    ]
    assert entries[-1]["names"][0]
    assert "a.jpg" not in text
    with serving(home, "--host", "0.0.0.0") as served:  # made once
        assert len(served.said) == 1
        assert served.ask("/people", Authorization=f"Bearer {key}")[0] == 200


def test_keys(tmp_path):
    secret = make_key(tmp_path, "anna", "ask")
    other = make_key(tmp_path, "bert", "admin")
    keys = read_keys(tmp_path)
    assert [(key.name, key.role) for key in keys] == [("anna", "ask"), ("bert", "admin")]
    found = key_of(secret, keys)
    assert found is not None
    assert found.name == "anna"
    assert key_of(secret[:-1], keys) is None
    make_key(tmp_path, "anna", "teach")
    assert key_of(secret, read_keys(tmp_path)) is None
    assert key_of(other, read_keys(tmp_path)) is not None
    with pytest.raises(FacelineError, match="unknown role 'boss'; choose from ask, teach, admin"):
        make_key(tmp_path, "anna", "boss")
    for content in (
        "{}",
        '[{"name": "a", "role": "ask", "sha256": "é"}]',
        '[{"name": 1}]',
        '[{"name": "a", "role": "boss", "sha256": ""}]',
        "[",
    ):
        (tmp_path / FILE).write_text(content)
        with pytest.raises(FacelineError, match="damaged"):
            read_keys(tmp_path)


def test_addresses():
    found = [hostname(host) for host in ("localhost:80", "LOCALHOST", "[::1]:80", "a.b")]
    assert found == ["localhost", "localhost", "::1", "a.b"]
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.2", "::1"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "example.com", ""))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nowhere",), "nowhere: no such folder; name a work folder"),
        ((".", "--port", "99999"), "port 99999 is out of range"),
        ((".", "--host", "no.such.host.invalid"), "no.such.host.invalid:8000: "),
        ((".", "--new-key", "anna", "boss"), "unknown role 'boss'"),
        ((".", "--new-key", " ", "ask"), "a key takes a name"),
        ((".", "--audit", "photo.jpg"), "photo.jpg: holds something else than an audit log"),
        ((".", "--audit", "nowhere/audit.jsonl"), "nowhere/audit.jsonl: cannot be written"),
    ],
)
def test_a_mistake_is_one_line(arguments, complaint, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8 a photograph")
    done = run_script("-m", "faceline", "serve", *arguments, cwd=tmp_path)
    assert (tmp_path / "photo.jpg").read_bytes() == b"\xff\xd8 a photograph"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"faceline: error: {complaint}")
    assert done.stderr.count("\n") == 1


def test_a_port_that_somebody_has(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_script("-m", "faceline", "serve", ".", "--port", port, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "name another --host or --port" in done.stderr
    said = run_script("-m", "faceline", "serve", ".", "--new-key", "anna", "ask", cwd=tmp_path).stdout
    assert said.startswith("Key anna (ask): ")
