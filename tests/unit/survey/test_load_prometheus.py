# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus as a source of load: against the real program where it is installed, else against what it answers by its documentation."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible import prometheus
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._survey.load import prometheus as asked
from ansible_collections.lotse.estate.plugins.module_utils._survey.load import summary
from ansible_collections.lotse.estate.plugins.module_utils._survey.load.history import History
from ansible_collections.lotse.estate.plugins.module_utils._survey.load.samples import DAY, MEASURES, Source, sample

from .helpers import FIXTURES

RECORDED = FIXTURES / "prometheus.json"
MIB = 1024**2
NOW = 1_795_535_000
SURVEY: dict[str, Any] = {"host": "db1", "address": "10.77.0.13", "not_assessed": [], "mounts": [{"target": "/data"}], "counters": None}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv(prometheus.TOKEN, raising=False)


def given(url: str, **more: Any) -> dict[str, Any]:
    return {"url": url, "ca_file": None, "label": "instance", "instances": {}, "days": 1, "timeout": 20, **more}


def made(url: str, **more: Any) -> prometheus.Prometheus:
    found = prometheus.options(given(url, **more))
    assert found
    return found


# --- the real program


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def openmetrics(old: bool) -> str:
    """A day of a host, a value every two minutes, in the names before or since node_exporter 0.16 (docs/example-16-compatibility-rules.yml)."""
    total, bytes_, seconds = ("", "", "") if old else ("_total", "_bytes", "_seconds")
    disk = ("bytes_read", "bytes_written", "reads_completed", "writes_completed")
    disk = disk if old else ("read_bytes_total", "written_bytes_total", "reads_completed_total", "writes_completed_total")
    every: dict[str, list[str]] = {}

    def add(name: str, labels: str, moment: int, value: float) -> None:
        every.setdefault(name, []).append(f'{name}{{instance="db1.example:9100",job="node"{labels}}} {value} {moment}')

    start = NOW - DAY
    for minute in range(0, 1440, 2):
        moment, passed = start + minute * 60, minute * 60
        cpu = f"node_cpu{seconds}{total}"
        busy = passed * 1.5  # one and a half cores, two in the last three hours
        busy += max(0, minute - (1440 - 180)) * 60 * 0.5
        add(cpu, ',cpu="0",mode="user"', moment, busy)
        add(cpu, ',cpu="0",mode="idle"', moment, passed * 5)
        add(cpu, ',cpu="0",mode="iowait"', moment, passed * 3)
        add(f"node_memory_MemTotal{bytes_}", "", moment, 4096 * MIB)
        add(f"node_memory_MemAvailable{bytes_}", "", moment, 3072 * MIB)
        for name, value in zip(disk, (passed * MIB, passed * 2 * MIB, passed * 3, passed * 4), strict=True):
            add(f"node_disk_{name}", ',device="sda"', moment, value)
            add(f"node_disk_{name}", ',device="dm-0"', moment, value)
        for name in ("receive", "transmit"):
            add(f"node_network_{name}_bytes{total}", ',device="eth0"', moment, passed * MIB)
            add(f"node_network_{name}_bytes{total}", ',device="lo"', moment, passed * 999 * MIB)
        add(f"node_boot_time{seconds}", "", moment, 1)
        add(f"node_filesystem_size{bytes_}", ',device="/dev/sdb",fstype="ext4",mountpoint="/data"', moment, 1000 * MIB)
        add(f"node_filesystem_free{bytes_}", ',device="/dev/sdb",fstype="ext4",mountpoint="/data"', moment, 400 * MIB)
    blocks = [f"# TYPE {name} unknown\n" + "\n".join(lines) for name, lines in sorted(every.items())]
    return "\n".join(blocks) + "\n# EOF\n"


@pytest.fixture(scope="module", params=["old names", "new names"])
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Debian's Prometheus on loopback, with a day of data below a temporary folder."""
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        pytest.skip("the programs prometheus and promtool are not here (Debian: apt install prometheus); the recorded conversation is tried")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "data.om").write_text(openmetrics(request.param == "old names"), encoding="utf-8")
    (folder / "prometheus.yml").write_text("{}\n", encoding="utf-8")
    blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(folder / "data.om"), str(folder / "tsdb")]
    subprocess.run(blocks, check=True, capture_output=True, timeout=60)
    url = f"127.0.0.1:{free_port()}"
    program = [
        "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address={url}",
        "--storage.tsdb.retention.time=100y", "--log.level=error",
    ]  # fmt: skip
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            _until_ready(f"http://{url}/-/ready", running)
            yield f"http://{url}"
        finally:
            running.terminate()
            running.wait(20)


def _until_ready(url: str, running: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        assert running.poll() is None, "prometheus ended"
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    pytest.fail("prometheus did not get ready")


def test_a_day_of_a_real_prometheus(real: str) -> None:
    looks_right(real)


@pytest.mark.parametrize("names", ["old names", "new names"])
def test_a_day_of_a_recorded_prometheus(serving: Callable[[Answer], str], names: str) -> None:
    """The conversation of the test above with Prometheus 2.42.0, recorded. A question that was not asked then fails."""
    rows = json.loads(RECORDED.read_text(encoding="utf-8"))[names]
    recorded = {(path, urllib.parse.urlencode([tuple(pair) for pair in params])): body for path, params, body in rows}

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        path, _, query = handler.path.partition("?")
        says(200, json.dumps(recorded[path, query]).encode())(handler)

    looks_right(serving(answer))


def looks_right(url: str) -> None:
    history = prometheus.observe(made(url), SURVEY, History("db1"), NOW)
    source = history.sources["prometheus"]
    assert source.unseen == ""
    assert 140 <= len(source.samples) <= 144 and {one.seconds for one in source.samples} == {600}
    found = summary.summary(history)
    measures = found["measures"]
    assert measures["cpu_cores"] == {"p50": 1.5, "p95": 2.0, "p99": 2.0, "max": 2.0}, "waiting and idling is no work"
    assert measures["memory_mib"]["p50"] == measures["memory_mib"]["max"] == 1024
    assert (measures["disk_read_mib_s"]["p50"], measures["disk_write_mib_s"]["p50"], measures["disk_iops"]["p50"]) == (1, 2, 7)
    assert measures["network_mib_s"]["p50"] == 2
    assert [(row["target"], row["used_mib"], row["size_mib"]) for row in found["disks"]] == [("/data", 600, 1000)]
    again = prometheus.observe(made(url), SURVEY, history, NOW)
    assert again == history, "what is known is not asked for again"


def test_a_host_that_a_real_prometheus_does_not_know(real: str) -> None:
    history = prometheus.observe(made(real), {**SURVEY, "host": "web9", "address": "10.77.0.99"}, History("web9"), NOW)
    assert "no metrics of node_exporter for web9" in history.sources["prometheus"].unseen
    named = prometheus.observe(made(real, instances={"web9": "db1.example:9100"}), {**SURVEY, "host": "web9"}, History("web9"), NOW)
    assert named.sources["prometheus"].unseen == "" and named.sources["prometheus"].samples


def test_a_query_that_a_real_prometheus_does_not_understand(real: str) -> None:
    answer = made(real).ask("/api/v1/query_range", (("query", "sum("), ("start", "0"), ("end", "1"), ("step", "1")))
    with pytest.raises(LotseError, match="bad_data"):
        asked.series(answer, real)


# --- answers that go wrong

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@pytest.fixture
def serving() -> Iterator[Callable[[Answer], str]]:
    """An HTTP server on loopback that answers as a test wants; ``seen`` requests are kept on it."""
    servers = []

    def serve(answer: Answer) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def says(status: int, body: bytes, **headers: str) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


SERIES = {"status": "success", "data": [{"__name__": "node_boot_time", "instance": "db1:9100", "job": "node"}]}
TWO = {"status": "success", "data": [{"instance": "db1:9100", "job": "node"}, {"instance": "db1:9100", "job": "other"}]}
PARTIAL = {**SERIES, "warnings": ["store 2 did not answer"]}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (says(200, b"<html>"), "not JSON"), (says(200, b"[]"), "no answer of Prometheus"), (says(500, b"oops"), "answered 500"),
        (says(401, b""), "refuses us"), (says(403, b"{}"), "refuses us"), (says(302, b"", Location="http://127.0.0.1:1/"), "sends us elsewhere"),
        (says(503, b'{"status": "error", "errorType": "timeout", "error": "query timed out"}'), "query timed out"),
        (says(200, json.dumps(TWO).encode()), "db1 may be"), (says(200, json.dumps(PARTIAL).encode()), "not whole: .*store 2"),
        (says(200, json.dumps(SERIES).encode()), "no answer"), (says(200, b'{"status": "success", "data": []}'), "no metrics of node_exporter"),
    ],
)  # fmt: skip
def test_whatever_goes_wrong_is_told_and_nothing_is_lost(serving: Callable[[Answer], str], answer: Answer, reason: str) -> None:
    kept = sample(NOW - 3600, 600, {"cpu_cores": 1.0})
    before = History("db1", sources={"prometheus": Source((kept,))})
    source = prometheus.observe(made(serving(answer)), SURVEY, before, NOW).sources["prometheus"]
    assert source.samples == (kept,)
    assert re.search(reason, source.unseen), source.unseen


def test_one_that_hangs_and_one_that_is_not_there(serving: Callable[[Answer], str]) -> None:
    url = serving(lambda _: time.sleep(3))
    assert "did not answer within 1 seconds" in prometheus.observe(made(url, timeout=1), SURVEY, History("db1"), NOW).sources["prometheus"].unseen
    gone = made(f"http://127.0.0.1:{free_port()}")
    assert "cannot be reached" in prometheus.observe(gone, SURVEY, History("db1"), NOW).sources["prometheus"].unseen


def test_the_token_goes_over_tls_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(prometheus.TOKEN, "cAnArY")
    with pytest.raises(LotseError, match="unencrypted") as error:
        prometheus.options(given("http://prometheus.example"))
    assert "cAnArY" not in str(error.value)
    secure = made("https://prometheus.example/")
    assert (secure.token, secure.url) == ("cAnArY", "https://prometheus.example") and "cAnArY" not in repr(secure)


def test_a_certificate_that_nobody_vouches_for(serving: Callable[[Answer], str]) -> None:
    plain = serving(says(200, b"{}")).replace("http:", "https:")
    assert "cannot be reached" in prometheus.observe(made(plain), SURVEY, History("db1"), NOW).sources["prometheus"].unseen


@pytest.mark.parametrize(
    ("changes", "says_"),
    [
        ({"url": "prometheus.example"}, "not an address"), ({"url": "file:///etc/passwd"}, "not an address"),
        ({"url": "https://a:b@c"}, "password in it"),
        ({"ca_file": "/nowhere.pem"}, "is not there"), ({"days": 0}, "not 1 to 400"), ({"days": 401}, "not 1 to 400"),
    ],
)  # fmt: skip
def test_options_that_cannot_be(changes: dict[str, Any], says_: str) -> None:
    with pytest.raises(LotseError, match=says_):
        prometheus.options({**given("https://prometheus.example"), **changes})


def test_without_the_variable_nobody_is_asked() -> None:
    assert prometheus.options(None) is None and prometheus.options({}) is None


# --- pure parts


def test_what_is_asked_for() -> None:
    fresh = asked.windows(Source(), NOW, 60)
    assert [(one.step, one.start <= one.end) for one in fresh] == [(3600, True), (600, True), (600, True)]
    assert all((one.end - one.start) // one.step < asked.MOST_POINTS for one in fresh)
    moments = [moment for one in fresh for moment in range(one.start, one.end + 1, one.step)]
    assert moments == sorted(set(moments)) and moments[0] > NOW - 60 * DAY and moments[-1] <= NOW
    known = Source((sample(NOW // 600 * 600 - 1200, 600, {}),))
    assert asked.windows(known, NOW, 1) == [asked.Window(NOW // 600 * 600 - 600, NOW // 600 * 600, 600)]


def test_names_are_no_patterns() -> None:
    new, old = asked.candidates("instance", ["10.77.0.13", 'db"1'], None)
    assert new.startswith("node_boot_time_seconds{instance=~") and old.startswith("node_boot_time{")
    assert r"10\\.77\\.0\\.13" in new and r"\"" in new
    assert asked.candidates("instance", ["db1"], 'x"y')[1] == 'node_boot_time{instance="x\\"y"}'


def test_what_is_no_number_is_left_out() -> None:
    payload = {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "NaN"], [2, "+Inf"], [3, "1.5"]]}]}}
    assert asked.values(payload, "x") == [(3, 1.5)]
    found = asked.samples({"cpu_cores": [(600, 1.5)], "memory_mib": [(600, 5 * MIB), (1200, -MIB)]}, 600)
    assert [(one.end, dict(zip(MEASURES, one.values, strict=True))["memory_mib"]) for one in found] == [(600, 5), (1200, 0)]


def test_every_query_goes_to_one_target() -> None:
    query = urllib.parse.quote(asked.query(asked.QUERIES["cpu_cores"][0], 'job="n",instance="i"', 600))
    assert "%24" not in query and query.count("i%22") == 2
