"""Who must not get in, and what must not bring the lab down: refused or survived, with memory that stays flat."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import signal
import socket
import struct
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browsing import served

from tidu.lab.server import MOST_MESSAGE, MOST_SESSIONS

client = pytest.importorskip("websockets.sync.client")
from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402

FLAT = 60 * 2**20  # bytes that a process may grow by, whatever comes: a sixteenth of what is sent below
GIGABYTE = 2**30


@pytest.fixture(scope="module")
def place():
    with served() as (address, process):
        with tab(address) as socket_:  # whatever is loaded at the first training is there before memory is measured
            trained(socket_)
        yield address, process


def memory(process) -> int:
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def threads(process) -> int:
    return len(os.listdir(f"/proc/{process.pid}/task"))


def tab(address: str, name: str = "a", **more):
    where = urlsplit(address)
    more.setdefault("origin", f"http://{where.netloc}")
    return client.connect(f"ws://{where.netloc}{where.path}socket/{name}", max_size=None, **more)


def asked(connection, do: str, **fields):
    connection.send(json.dumps({"do": do, "id": 1, **fields}))
    reply = connection.recv(timeout=60)
    if isinstance(reply, str):
        return json.loads(reply)
    (length,) = struct.unpack("<I", reply[:4])
    return json.loads(reply[4 : 4 + length])


def trained(connection, name: str = "line") -> dict:
    data = asked(connection, "example", name=name)
    assert "error" not in asked(connection, "train", formula=data["formula"], settings=data["settings"])
    for _slice in range(3):  # on a busy machine one answer may come after a single step
        reply = asked(connection, "go", step=3)
        if reply["step"] == 3:
            break
    return reply


def got(address: str, path: str = "", method: str = "GET", body=None, **headers):
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.netloc, timeout=30)
    connection.putrequest(method, where.path + path, skip_host="Host" in headers, skip_accept_encoding=True)
    for key, value in headers.items():
        connection.putheader(key, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content, dict(answer.headers)


def works(address: str) -> None:
    """The lab still answers one who is welcome."""
    assert got(address)[0] == 200
    with tab(address, "welcome") as connection:
        assert trained(connection)["step"] == 3


# -- who is let in --------------------------------------------------------------------------------
@pytest.mark.parametrize("secret", ["", "x", "a" * 24, "%00", "..%2f"])
def test_a_wrong_secret_gets_nothing(place, secret) -> None:
    address, _process = place
    where = urlsplit(address)
    for path in ("", "main.js", "upload/a", "socket/a"):
        assert got(f"http://{where.netloc}/{secret}/", path)[0] in (403, 404)
    with pytest.raises(InvalidStatus, match="403"):
        tab(f"http://{where.netloc}/{secret}/")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost.evil.example:1", ""])
def test_another_host_is_refused(place, host) -> None:
    address, _process = place
    assert got(address, Host=host)[0] in (400, 403)
    with pytest.raises(InvalidStatus, match="403"):
        tab_with_host(address, host)


def tab_with_host(address: str, host: str):
    where = urlsplit(address)
    raw = socket.create_connection((where.hostname, where.port), timeout=10)
    return client.connect(f"ws://{host or 'x'}{where.path}socket/a", sock=raw, origin=f"http://{where.netloc}")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", None])
def test_another_origin_is_refused(place, origin) -> None:
    address, _process = place
    with pytest.raises(InvalidStatus, match="403"):
        tab(address, origin=origin)
    headers = {} if origin is None else {"Origin": origin}
    assert got(address, "upload/a?name=x.csv", "POST", b"x,y\n1,2\n", **{"Content-Length": "8", **headers})[0] == 403
    if origin is not None:
        assert got(address, **headers)[0] == 403


PATHS = (
    "../server.py",
    "..%2f../guard.py", "%2e%2e/session.py", "/etc/passwd", "views/../../guard.py", "%00", "views", "./",
    "icon.svg/..", "a" * 5000,
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_only_files_of_the_page_are_given_out(place, path) -> None:
    address, _process = place
    status, content, _headers = got(address, path)
    assert status in (400, 404) or (status == 200 and b"<!doctype html>" in content)
    assert b"import" not in content


def test_every_answer_says_what_a_page_may_load(place) -> None:
    address, _process = place
    for path, status in (("", 200), ("main.js", 200), ("nothing.js", 404), ("upload/none", 404)):
        found, _content, headers = got(address, path)
        policy = headers["content-security-policy"]
        assert found == status
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_other_machines_are_let_in_only_with_a_warning_and_ctrl_c_is_no_error() -> None:
    with served("--host", "0.0.0.0") as (address, process):
        assert "0.0.0.0" in address
        works(address.replace("0.0.0.0", "127.0.0.1"))
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert "Warning: whoever reaches 0.0.0.0" in said
        assert "interrupted" not in said
        assert process.wait(30) == 0


# -- what is too much -----------------------------------------------------------------------------
@pytest.mark.slow
def test_a_gigabyte_that_says_so_is_refused_at_once(place) -> None:
    address, process = place
    before = memory(process)
    where = urlsplit(address)
    with tab(address, "large"):
        connection = http.client.HTTPConnection(where.netloc, timeout=30)
        connection.putrequest("POST", f"{where.path}upload/large?name=x.csv")
        connection.putheader("Origin", f"http://{where.netloc}")
        connection.putheader("Content-Length", str(GIGABYTE))
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413
        assert "larger than 256 MB" in json.loads(answer.read())["error"]
        connection.close()
    assert memory(process) - before < FLAT
    works(address)


@pytest.mark.slow
def test_a_gigabyte_that_streams_in_is_refused_with_flat_memory(place) -> None:
    address, process = place
    before, most = memory(process), 0
    where = urlsplit(address)
    sent, part = 0, b"1,2\n" * 2**18
    with tab(address, "streaming"):
        raw = socket.create_connection((where.hostname, where.port), timeout=60)
        raw.sendall(f"POST {where.path}upload/streaming?name=x.csv HTTP/1.1\r\nHost: {where.netloc}\r\n"
                    f"Origin: http://{where.netloc}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())  # fmt: skip
        with suppress(ConnectionError, TimeoutError):
            while sent < GIGABYTE:
                raw.sendall(b"%x\r\n%s\r\n" % (len(part), part))
                sent += len(part)
                most = max(most, memory(process))
        assert sent < GIGABYTE
        answer = b""
        with suppress(ConnectionError, TimeoutError):
            answer = raw.recv(65536)
        assert answer == b"" or b" 413 " in answer
        raw.close()
    assert most - before < FLAT
    works(address)


def test_a_small_file_that_unpacks_to_gigabytes_is_refused_with_flat_memory(place) -> None:
    address, process = place
    before = memory(process)
    part = gzip.compress(b"1,2\n" * 2**22)  # whose parts may stand one behind the other
    bomb = gzip.compress(b"x,y\n") + part * 64
    where = urlsplit(address)
    with tab(address, "bomb"):
        status, content, _headers = got(
            address, "upload/bomb?name=x.csv.gz", "POST", bomb, Origin=f"http://{where.netloc}",
            **{"Content-Length": str(len(bomb))},
        )  # fmt: skip
    assert status == 400
    assert "larger than 256 MB when unpacked" in json.loads(content)["error"]
    assert memory(process) - before < FLAT
    works(address)


def test_an_upload_that_breaks_off_leaves_nothing(place) -> None:
    address, process = place
    before = memory(process)
    where = urlsplit(address)
    with tab(address, "broken") as connection:
        for _turn in range(20):
            raw = socket.create_connection((where.hostname, where.port))
            head = f"POST {where.path}upload/broken?name=x.csv HTTP/1.1\r\nHost: {where.netloc}\r\n"
            head += f"Origin: http://{where.netloc}\r\nContent-Length: 200000000\r\n\r\nx,y\n"
            raw.sendall(head.encode() + b"1,2\n" * 500_000)
            raw.close()
        assert "error" in asked(connection, "train", formula="y = w*x")
    assert memory(process) - before < FLAT
    works(address)


@pytest.mark.slow
def test_ten_thousand_messages_a_second_are_survived(place) -> None:
    address, process = place
    before = memory(process)
    with tab(address, "flood") as connection, tab(address, "neighbour") as other:
        trained(connection)
        message = json.dumps({"do": "go", "step": 5, "id": 1, "ballast": "x" * 1000})
        began, sent = time.monotonic(), 0
        connection.socket.settimeout(5)
        with suppress(ConnectionClosed, TimeoutError):
            while sent < 30_000 and time.monotonic() - began < 5:
                connection.socket.sendall(frame(message.encode()))
                sent += 1
        if sent == 30_000:
            assert time.monotonic() - began < 5
        assert trained(other)["step"] == 3  # and others are not kept waiting
        assert memory(process) - before < FLAT
        connection.socket.close()
    works(address)


def frame(content: bytes, opcode: int = 1, final: bool = True, masked: bool = True, length: int | None = None) -> bytes:
    """A frame of RFC 6455, as a client sends it, or as it should not."""
    size = len(content) if length is None else length
    head = bytes([opcode | (0x80 if final else 0)])
    mask = 0x80 if masked else 0
    if size < 126:
        head += bytes([mask | size])
    elif size < 2**16:
        head += bytes([mask | 126]) + struct.pack(">H", size)
    else:
        head += bytes([mask | 127]) + struct.pack(">Q", size)
    return head + (b"\0\0\0\0" if masked else b"") + content


BROKEN = {
    "garbage": os.urandom(5000),
    "not masked": frame(b"{}", masked=False),
    "unknown opcode": frame(b"{}", opcode=5),
    "half a frame": frame(b"{}" * 50)[:40],
    "a frame of an exabyte": frame(b"x" * 100, length=2**60),
    "more than a message may have": frame(b"x" * (MOST_MESSAGE + 1)),
    "parts without an end": frame(b"x" * 60_000, final=False) + frame(b"x" * 60_000, opcode=0, final=False) * 200,
    "a part of nothing": frame(b"x", opcode=0),
    "text that is no UTF-8": frame(b"\xff\xfe\xfd"),
    "a long ping": frame(b"x" * 200, opcode=9),
    "ten thousand pings": frame(b"x" * 100, opcode=9) * 10_000,
    "a ping in parts": frame(b"x", opcode=9, final=False),
    "a close with half a code": frame(b"\x03", opcode=8),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_frames_are_survived(place, kind) -> None:
    address, process = place
    before = memory(process)
    with tab(address, "frames") as connection, suppress(OSError):
        connection.socket.settimeout(5)
        connection.socket.sendall(BROKEN[kind])
        connection.socket.shutdown(socket.SHUT_WR)
    assert memory(process) - before < FLAT
    works(address)


TEXTS = (
    "", "{", "[1]", "null", '"go"', "[" * 100_000, '{"do": ' * 50_000, "{}", '{"do": null}', '{"do": "close"}',
    '{"do": "__init__"}', '{"do": "go"}', '{"do": "go", "step": "1"}', '{"do": "go", "step": 1e999}',
    '{"do": "go", "step": true}', '{"do": "go", "step": NaN}', '{"do": "go", "step": 1, "want": ["__class__"]}',
    '{"do": "go", "step": 1, "want": [[]]}', '{"do": "columns", "columns": {"x": [1e999, "a"]}}',
    '{"do": "text", "name": 1, "text": {}}', '{"do": "train", "formula": "__import__(\'os\').system(\'true\')"}',
    '{"do": "take", "to": "../../etc"}', '{"do": "hello", "lang": "../../x"}',
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_request_is_answered_with_a_sentence(place, text) -> None:
    address, _process = place
    with tab(address, "wrong") as connection:
        trained(connection)
        connection.send(text)
        reply = json.loads(connection.recv(timeout=20))
        assert "error" in reply or reply.get("language") == "en"
        assert "tidu made a mistake" not in reply.get("error", "")
        connection.send(b"\x00\x01")
        assert "not a JSON object" in json.loads(connection.recv(timeout=20))["error"]
        assert asked(connection, "go", step=4)["step"] == 4


FORMULAS = (
    "y = " + "(" * 900 + "x" + ")" * 900, "y = " + "-" * 1900 + "x", "y = " + "w*" * 900 + "x", "y = w" + "**2" * 600,
    "y = " + "exp(" * 390 + "x" + ")" * 390, "y = x" * 390, "y = w*x" + " + w*x" * 320, "y = " + "z" * 1900,
    "y = mlp(..., hidden=[1000000, 1000000])", "y = mlp(..., hidden=[" + "9," * 900 + "9])", "y = w*x**" + "9" * 1900,
    "y = 9" + "*9" * 900 + "*w", "y = \x00w*x", "y = w[0]*x", "y = w*x" + " " * 2000,
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_that_is_too_much_is_refused_soon(place, formula) -> None:
    address, process = place
    before = memory(process)
    with tab(address, "formulas") as connection:
        trained(connection)
        began = time.monotonic()
        reply = asked(connection, "train", formula=formula, settings={})
        assert "tidu made a mistake" not in reply.get("error", "")
        assert time.monotonic() - began < 20
        assert memory(process) - before < 6 * FLAT  # a product of 900 factors is trained
    works(address)


# -- tabs -----------------------------------------------------------------------------------------
@pytest.mark.slow
def test_fifty_tabs_at_once(place) -> None:
    address, process = place
    settled(address, process)
    before = memory(process)
    with ExitStack() as stack:
        tabs = [stack.enter_context(tab(address, f"tab{k}")) for k in range(50)]
        let_in, refused = [], []
        for connection in tabs:
            try:
                let_in.append(trained(connection)["step"])
            except ConnectionClosed as closed:
                refused.append((closed.rcvd.code, closed.rcvd.reason))
        assert let_in == [3] * MOST_SESSIONS
        said = "too many pages are open; close one and load this again"
        assert refused == [(1013, said)] * (50 - MOST_SESSIONS)
    settled(address, process)
    assert memory(process) - before < FLAT
    works(address)


def settled(address: str, process) -> None:
    """Wait until every tab that closed has been let go of: then there is room for as many as may be open."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with ExitStack() as stack:
            try:
                for k in range(MOST_SESSIONS):
                    asked(stack.enter_context(tab(address, f"room{k}")), "hello")
            except ConnectionClosed:
                time.sleep(0.2)
            else:
                return
    raise AssertionError("sessions stay open")


def test_two_tabs_of_one_name_do_not_share_a_session(place) -> None:
    address, _process = place
    with tab(address, "same") as first:
        trained(first)
        with pytest.raises(ConnectionClosed), tab(address, "same") as second:
            trained(second)
        assert asked(first, "go", step=9)["step"] == 9


def test_a_tab_that_closes_in_mid_run_ends_its_training(place) -> None:
    address, process = place
    settled(address, process)
    rows = "x,y\n" + "".join(f"{k % 97},{k % 89}\n" for k in range(150_000))

    def closed_in_mid_run(name: str) -> None:
        with tab(address, name) as connection:
            asked(connection, "text", name="rows", text=rows)
            asked(connection, "train", formula="y = a*x**3 + b*x**2 + c*x + d", settings={"lr": "1e-12"})
            for step in (10**6, 10**7, 10**8):
                connection.send(json.dumps({"do": "go", "step": step, "id": 1}))
            connection.send(json.dumps({"do": "take", "to": "report", "id": 1}))
            connection.socket.close()

    closed_in_mid_run("first")  # which imports what a run and its report need
    settled(address, process)
    before, threads_before = memory(process), threads(process)
    for turn in range(6):
        closed_in_mid_run(f"closing{turn}")
    settled(address, process)
    began = used(process)
    time.sleep(1.0)
    assert used(process) - began < 0.3  # nothing runs on
    assert threads(process) <= threads_before + MOST_SESSIONS
    assert memory(process) - before < 2 * FLAT
    works(address)


def used(process) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
