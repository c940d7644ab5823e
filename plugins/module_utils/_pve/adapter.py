# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway over proxmoxer: one session with a connection for each thread, fail-over across endpoints, retries where repeating is safe."""

from __future__ import annotations

import itertools
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import proxmoxer
import proxmoxer.core
import requests
import requests.adapters
import urllib3.exceptions

from .errors import (
    ApiError,
    ApiUnreachableError,
    LockTimeoutError,
    NodeUnreachableError,
    PveError,
    RefusedError,
    ServerTroubleError,
    api_error,
)
from .gateway import NOTHING, Values

TOKEN_ID = re.compile(r"(?P<user>[^@!\s]+@[^@!\s]+)!(?P<name>[^@!\s]+)")
CONNECT_TIMEOUT = 5.0
ROUNDS = 2  # how often every endpoint is tried before the first answer
CONNECTIONS = 64  # kept open at most; more threads than that open further ones for each call


@dataclass(frozen=True)
class Endpoint:
    """Where the API is and who asks. ``hosts`` in order of preference; exactly one of ``ca_file`` and ``fingerprint``, or neither."""

    hosts: tuple[str, ...]
    token_id: str
    token_secret: str
    port: int = 8006
    ca_file: str | None = None
    fingerprint: str | None = None
    timeout: float = 30.0

    def __repr__(self) -> str:
        return f"Endpoint({', '.join(self.hosts)}, port {self.port}, token {self.token_id})"

    @property
    def verify(self) -> bool | str:
        """The CA file, or whether to trust the system's CAs; a pinned certificate needs none."""
        return self.ca_file or not self.fingerprint

    def problems(self) -> list[str]:
        found = []
        if not self.hosts:
            found.append("api.hosts is empty: name at least one node of the cluster")
        if not TOKEN_ID.fullmatch(self.token_id):
            found.append(f"api.token_id {self.token_id!r} is not of the form user@realm!name")
        if not self.token_secret:
            found.append("api.token_secret is empty: set it (in the lab: the environment variable LOTSE_PVE_TOKEN_SECRET)")
        if self.ca_file and self.fingerprint:
            found.append("api.ca_file and api.fingerprint exclude each other")
        if self.fingerprint and not re.fullmatch(r"(?:[0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}", self.fingerprint):
            found.append("api.fingerprint is not a SHA-256 fingerprint (64 hexadecimal digits)")
        return found


class _Connections(requests.adapters.HTTPAdapter):
    """Keeps a connection for each thread. With a SHA-256 fingerprint it accepts exactly that certificate, whoever signed it."""

    def __init__(self, fingerprint: str | None) -> None:
        self._pin: dict[str, Any] = {"assert_fingerprint": fingerprint.replace(":", "").lower()} if fingerprint else {}
        super().__init__(pool_maxsize=CONNECTIONS)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **options, **self._pin)


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _Answer(threading.local):
    """A thread's last answer: proxmoxer drops the JSON message of an error."""

    last: requests.Response | None = None


class ProxmoxerGateway:
    """A Gateway for a real cluster (or the lab's)."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        patience: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        problems = endpoint.problems()
        if endpoint.ca_file and not Path(endpoint.ca_file).is_file():
            problems.append(f"api.ca_file {endpoint.ca_file} does not exist")
        if problems:
            raise RefusedError(problems)
        self.endpoint = endpoint
        self.patience = patience
        self._sleep = sleep
        self._clock = clock
        self._clients: dict[str, Any] = {}
        self._answer = _Answer()
        self._guard = threading.Lock()
        self._current = 0
        self._answered = False
        self.calls = 0

    # ------------------------------------------------------------------ port

    def get(self, path: str, params: Values = NOTHING) -> Any:
        return self._call("get", path, params, repeatable=True)

    def post(self, path: str, data: Values = NOTHING, *, repeatable: bool = False) -> Any:
        return self._call("post", path, data, repeatable=repeatable)

    def put(self, path: str, data: Values = NOTHING, *, repeatable: bool = False) -> Any:
        return self._call("put", path, data, repeatable=repeatable)

    def delete(self, path: str, params: Values = NOTHING, *, repeatable: bool = False) -> Any:
        return self._call("delete", path, params, repeatable=repeatable)

    def document(self, path: str) -> str:
        """A file that the API server gives to everybody, such as its manual: asked for once, under the same TLS, without the token."""
        host = self.endpoint.hosts[self._current]
        session: requests.Session = self._client(host)._store["session"]
        url, wait = f"https://{host}:{self.endpoint.port}/{path}", (CONNECT_TIMEOUT, self.endpoint.timeout)
        with self._guard:
            self.calls += 1
        with self._told(host):  # not proxmoxer's own method: it always adds the token
            answer = requests.Session.request(session, "GET", url, auth=_nobody, timeout=wait, verify=self.endpoint.verify)
        if answer.status_code != 200:
            raise PveError(f"the API server has no /{path} (HTTP {answer.status_code})")
        answer.encoding = "utf-8"
        return answer.text

    def server_time(self) -> float | None:
        """When the server says it gave the last answer of this thread (epoch seconds); None if it does not say."""
        answer = self._answer.last
        said = answer.headers.get("Date") if answer is not None else None
        try:
            return parsedate_to_datetime(said).timestamp() if said else None
        except ValueError:
            return None

    # --------------------------------------------------------------- retries

    def _call(self, verb: str, path: str, values: Values, *, repeatable: bool) -> Any:
        deadline = self._clock() + self.patience
        for attempt in itertools.count():
            at = self._current
            try:
                answer = self._once(verb, path, values, self.endpoint.hosts[at])
            except (ApiUnreachableError, ApiError) as failure:
                pause = min(5.0, 0.2 * 2.0 ** min(attempt, 10)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
                if not may_repeat(failure, repeatable) or self._clock() + pause > deadline:
                    raise
                if isinstance(failure, ApiUnreachableError):
                    if not self._answered and attempt + 1 >= ROUNDS * len(self.endpoint.hosts):
                        raise
                    self._fail_over(at)
                self._sleep(pause)
            else:
                self._answered = True
                return answer
        raise AssertionError("unreachable")

    def _fail_over(self, failed: int) -> None:
        """Use the next endpoint from now on, unless another thread has already moved on."""
        with self._guard:
            if self._current == failed:
                self._current = (failed + 1) % len(self.endpoint.hosts)

    # ------------------------------------------------------------- one call

    def _once(self, verb: str, path: str, values: Values, host: str) -> Any:
        call = f"{verb.upper()} /{path}"
        with self._guard:
            self.calls += 1
        self._answer.last = None
        with self._told(host):
            try:
                return getattr(self._client(host)(path), verb)(**values)
            except proxmoxer.core.ResourceException as failure:
                raise self._from_answer(failure, call) from None

    @contextmanager
    def _told(self, host: str) -> Iterator[None]:
        """What goes wrong on the way to a host, in our words."""
        try:
            yield
        except requests.exceptions.SSLError as failure:
            raise PveError(self._tls_advice(host, failure)) from None
        except requests.exceptions.RequestException as failure:
            where = f"{host}:{self.endpoint.port}"
            raise ApiUnreachableError(f"the Proxmox VE API at {where} does not answer: {_reason(failure)}", sent=_sent(failure)) from None

    def _from_answer(self, failure: Any, call: str) -> ApiError:
        body: dict[str, Any] = {}
        answer = self._answer.last
        if answer is not None:
            try:
                parsed = answer.json()
            except ValueError:
                parsed = None
            body = parsed if isinstance(parsed, dict) else {}
        message = str(body.get("message") or failure.content or failure.status_message or "no reason given")
        errors = body.get("errors")
        fields = {str(key): str(text).strip() for key, text in errors.items()} if isinstance(errors, dict) else {}
        return api_error(int(failure.status_code), message.strip(), fields, call)

    def _tls_advice(self, host: str, failure: Exception) -> str:
        if self.endpoint.fingerprint:
            why = "the certificate is not the one that api.fingerprint names"
        else:
            why = "the certificate is not trusted; give api.ca_file, or pin the certificate by api.fingerprint (the only way for a CA"
            why += " made by Proxmox VE 8 or older, which Python's strict check rejects)"
        return f"TLS to {host}:{self.endpoint.port} failed: {why}: {_reason(failure)}"

    def _client(self, host: str) -> Any:
        with self._guard:
            if host not in self._clients:
                self._clients[host] = self._new_client(host)
            return self._clients[host]

    def _new_client(self, host: str) -> Any:
        endpoint = self.endpoint
        token = TOKEN_ID.fullmatch(endpoint.token_id)
        assert token is not None  # noqa: S101 - proven in __init__
        client = proxmoxer.ProxmoxAPI(
            host, port=endpoint.port, user=token["user"], token_name=token["name"], token_value=endpoint.token_secret,
            verify_ssl=endpoint.verify, timeout=(CONNECT_TIMEOUT, endpoint.timeout),
        )  # fmt: skip
        session: requests.Session = client._store["session"]
        session.trust_env = False  # neither a proxy nor another CA bundle of the environment
        session.mount("https://", _Connections(endpoint.fingerprint))

        def remember(response: requests.Response, *_args: Any, **_options: Any) -> None:
            self._answer.last = response

        session.hooks["response"].append(remember)
        return client


def may_repeat(failure: PveError, repeatable: bool) -> bool:
    """Whether the same call may be sent again."""
    if isinstance(failure, LockTimeoutError):
        return True
    if isinstance(failure, NodeUnreachableError):
        return repeatable or failure.status == 595  # 595: the connection to the node never opened
    if isinstance(failure, ServerTroubleError):
        return repeatable
    if isinstance(failure, ApiUnreachableError):
        return repeatable or not failure.sent
    return False


def _sent(failure: requests.exceptions.RequestException) -> bool:
    if isinstance(failure, requests.exceptions.ConnectTimeout):
        return False
    cause = failure.args[0] if failure.args else None
    return not isinstance(getattr(cause, "reason", cause), urllib3.exceptions.NewConnectionError)


def _reason(failure: Exception) -> str:
    """The innermost sentence of the wrapped exceptions of requests and urllib3."""
    cause: Any = failure.args[0] if failure.args else failure
    cause = next((inner for inner in getattr(cause, "args", ()) if isinstance(inner, Exception)), cause)  # ("Connection aborted.", why)
    text = str(getattr(cause, "reason", None) or cause)
    text = re.sub(r"^<?[\w.]+(?:Connection)?(?: object)?(?: at 0x[0-9a-f]+>)?(?:\([^)]*\))?: ", "", text)
    return text.strip() or type(failure).__name__


def endpoint_from(options: dict[str, Any]) -> Endpoint:
    """From the option ``api`` of the modules and of the inventory plugin."""
    hosts: Sequence[str] = options.get("hosts") or ()
    return Endpoint(
        hosts=tuple(str(host) for host in hosts),
        token_id=str(options.get("token_id") or ""),
        token_secret=str(options.get("token_secret") or ""),
        port=int(options.get("port") or 8006),
        ca_file=options.get("ca_file") or None,
        fingerprint=options.get("fingerprint") or None,
        timeout=float(options.get("timeout") or 30),
    )
