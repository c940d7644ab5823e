# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a Proxmox VE API, told apart in one place.

The API tells many failures apart only by their text (HTTP status 500 and a sentence), so the sentences are listed here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence


class PveError(Exception):
    """Base of everything that this room raises on purpose; its text is meant for an operator."""


class ApiUnreachableError(PveError):
    """No endpoint answered. ``sent`` says whether the request may have reached the server."""

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class ApiError(PveError):
    """The API answered with an error."""

    def __init__(self, status: int, message: str, fields: Mapping[str, str] | None = None, call: str = "") -> None:
        self.status = status
        self.message = message
        self.fields = dict(fields or {})
        self.call = call
        details = "; ".join(f"{name}: {text}" for name, text in sorted(self.fields.items()))
        text = f"{message.strip().rstrip('.')}{f' ({details})' if details else ''}"
        super().__init__(f"{text} [{f'{call}: ' if call else ''}HTTP {status}]")


class UnauthorizedError(ApiError):
    """401: the token is unknown, expired or wrong."""

    def __init__(self, status: int, message: str, fields: Mapping[str, str] | None = None, call: str = "") -> None:
        said = message.strip().rstrip(".!") or "no reason given"
        why = f"the API refuses the token ({said}): check its id and secret, and that it is neither disabled nor expired"
        super().__init__(status, why, fields, call)


class ForbiddenError(ApiError):
    """403: the token lacks a privilege."""


class LockTimeoutError(ApiError):
    """Another task held a lock for too long. Nothing was done, so every call may be repeated."""


class VmidTakenError(ApiError):
    """The VMID belongs to a guest already."""


class GuestMissingError(ApiError):
    """There is no such guest on this node."""


class NotDefinedError(ApiError):
    """There is no such HA resource, group or rule."""


class DefinedAlreadyError(ApiError):
    """There is such an HA resource, group or rule already."""


class GuestLockedError(ApiError):
    """The guest's configuration is locked by a backup, clone, migration or snapshot."""


class NodeUnreachableError(ApiError):
    """595-599: the API server could not reach the node that the path names."""


class ServerTroubleError(ApiError):
    """502-504: a proxy or a restarting server; the call may or may not have been carried out."""


class DigestMismatchError(ApiError):
    """Somebody else changed the configuration since it was read. Nothing was done."""


class TaskFailedError(PveError):
    """A task ended with an error, or did not end in time."""

    def __init__(self, upid: str, why: str, log: Sequence[str] = ()) -> None:
        self.upid = upid
        self.why = why
        self.log = tuple(log)
        tail = "".join(f"\n  | {line}" for line in self.log)
        super().__init__(f"task {upid.rstrip(':')} failed: {why}{tail}")


class TaskBusyError(TaskFailedError):
    """A task waited for a lock for too long. Nothing was done, so the call may be repeated."""


class TaskStaleError(TaskFailedError):
    """A task found that somebody else had changed the configuration since it was read. Nothing was done."""


class BaseInUseError(TaskFailedError):
    """A template's disks have linked clones, so nothing of it was destroyed."""


class NotReadyError(PveError):
    """A guest did not reach a rung of the readiness ladder."""

    def __init__(self, guest: str, rung: str, why: str, seconds: float) -> None:
        self.guest = guest
        self.rung = rung
        self.why = why
        super().__init__(f"{guest}: not ready: rung '{rung}': {why} (gave up after {seconds:.0f} s)")


# Errors after which it is not known, or not likely, that the call was carried out: look at the guest again and plan anew.
UNKNOWN_END = (ApiUnreachableError, DigestMismatchError, NodeUnreachableError, ServerTroubleError, TaskStaleError)


class StoppedError(PveError):
    """This guest was left where it was, because another one failed or the run was interrupted."""


class AsleepError(PveError):
    """The guest does not run, although the cluster's list, which lags, had said so."""


class RefusedError(PveError):
    """What was asked cannot or must not be done; nothing was changed. ``problems`` are complete sentences."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            super().__init__(self.problems[0])
        else:
            super().__init__(f"{len(self.problems)} problems:" + "".join(f"\n  - {problem}" for problem in self.problems))


_SENTENCES: tuple[tuple[str, type[ApiError]], ...] = (
    (r"lock file .* got timeout|got lock (?:request )?timeout|got no worker upid|(?:unable|trying) to acquire lock", LockTimeoutError),
    (r"already exists on node|config file already exists|VM \d+ already exists", VmidTakenError),
    (r"Configuration file '[^']*' does not exist", GuestMissingError),
    (r"no such (?:resource|ha group|ha rule)|no such group|HA rule '[^']*' does not exist|HA group '[^']*' does not exist", NotDefinedError),
    (r"(?:resource|ha group) ID '[^']*' already defined|HA rule '[^']*' already defined", DefinedAlreadyError),
    (r"VM is locked \(", GuestLockedError),
    (r"checksum mismatch \(|detected modified configuration", DigestMismatchError),
)
_STATUSES: dict[int, type[ApiError]] = {
    401: UnauthorizedError, 403: ForbiddenError, 502: ServerTroubleError, 503: ServerTroubleError, 504: ServerTroubleError,
}  # fmt: skip


def task_error(upid: str, why: str, log: Sequence[str] = ()) -> TaskFailedError:
    """The error for a task that ended with ``why``, of the class that fits it."""
    if re.search(r"base volume .* in use by linked clone", why):
        return BaseInUseError(upid, why, log)
    kinds = {LockTimeoutError: TaskBusyError, DigestMismatchError: TaskStaleError}
    return kinds.get(type(api_error(500, why)), TaskFailedError)(upid, why, log)


def api_error(status: int, message: str, fields: Mapping[str, str] | None = None, call: str = "") -> ApiError:
    """The error for an answer, of the class that fits it."""
    if 595 <= status <= 599:
        return NodeUnreachableError(status, message, fields, call)
    if status in _STATUSES:
        return _STATUSES[status](status, message, fields, call)
    if status == 400 and "already exists" in str((fields or {}).get("vmid", "") or (fields or {}).get("newid", "")):
        return VmidTakenError(status, message, fields, call)
    said = " ".join([message, *(fields or {}).values()])
    for pattern, kind in _SENTENCES:
        if re.search(pattern, said):
            return kind(status, message, fields, call)
    return ApiError(status, message, fields, call)
