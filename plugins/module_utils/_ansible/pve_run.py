# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pve modules do between their parameters and their result."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .._pve.errors import PveError
from .._pve.fleet import Fleet, FleetError
from .._pve.info import facts
from .._pve.preflight import NetworkProbe, Preflight
from .pve_args import guest_options
from .pve_params import door_of, gateway_of, guests_of, known_hosts_of, settings_of
from .pve_render import diffs, plan_dict, result_dict
from .pve_start import RunFailedError
from .pve_template import run_template

Result = dict[str, Any]


def run_fleet(params: Result, check: bool) -> Result:
    """Converges the fleet, or says what converging it would do."""
    gateway = gateway_of(params)
    fleet = Fleet(gateway, settings_of(params), known=known_hosts_of(params), door=door_of(params))
    with _terminated_as_interrupted():
        try:
            plans = fleet.plan(guests_of(params))
            if check:
                return _result([plan_dict(plan) for plan in plans], gateway.calls, fleet.notes)
            results = fleet.apply(plans)
        except KeyboardInterrupt:
            raise PveError("interrupted before anything was changed") from None
        except FleetError as failure:
            raise RunFailedError(str(failure), _result([result_dict(result) for result in failure.results], gateway.calls)) from None
    return _result([result_dict(result) for result in results], gateway.calls, fleet.notes)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM is what Ctrl-C is: every guest ends its current step, and the results say how far each one came."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_guest(params: Result, check: bool) -> Result:
    """A fleet of one, whose options stand at the top."""
    row = {option: params.get(option) for option in guest_options()}
    one = {**params, "guests": [row], "workers": 1, "per_template": 1, "per_node": 2, "per_storage": 2, "max_destroys": 1, "keep_going": False}
    try:
        return _single(run_fleet(one, check))
    except RunFailedError as failure:
        raise RunFailedError(str(failure), _single(failure.result)) from None


def _single(result: Result) -> Result:
    (guest,) = result.pop("guests")
    return {**result, "guest": guest}


def _result(guests: list[Result], calls: int, notes: Sequence[str] = ()) -> Result:
    result = {"changed": any(guest["changed"] for guest in guests), "guests": guests, "diff": diffs(guests), "api_calls": calls}
    return {**result, "warnings": list(notes)} if notes else result


def run_preflight(params: Result, check: bool) -> Result:  # noqa: ARG001 - never changes anything
    """Proves that converging can work. Raises PveError with every problem."""
    gateway = gateway_of(params)
    proof = Preflight(
        gateway, guests_of(params), settings_of(params), known_hosts_of(params), NetworkProbe() if params["probe_addresses"] else None,
        server=gateway, token=gateway.endpoint.token_id, tolerance=params["clock_tolerance"],
    ).prove()  # fmt: skip
    return {"changed": False, "warnings": proof.pop("warnings"), "proven": proof, "api_calls": gateway.calls}


def run_info(params: Result, check: bool) -> Result:  # noqa: ARG001 - never changes anything
    gateway = gateway_of(params)
    found = facts(gateway, [*params["gather"], *(["rows"] if params["guests"] else [])], params["guests"])
    rows = {"rows": found.pop("rows")} if "rows" in found else {}
    return {"changed": False, "cluster": found, **rows, "api_calls": gateway.calls}


RUNS: dict[str, Callable[[Result, bool], Result]] = {
    "fleet": run_fleet, "guest": run_guest, "preflight": run_preflight, "info": run_info, "template": run_template,
}  # fmt: skip
