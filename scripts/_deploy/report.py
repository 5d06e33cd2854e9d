# SPDX-License-Identifier: Apache-2.0
"""Plans and results for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scripts._deploy.calls import Call, Note
from scripts._deploy.engine import Deployment
from scripts._deploy.plan import KEEP, Plan


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield a plan, a line at a time."""
    yield f"network   {plan.network}, chain {plan.chain_id}"
    yield f"deployer  {plan.deployer}"
    yield f"token     {plan.token}"
    yield ""
    for item in plan.contracts:
        suffix = f"  ({item.reason})" if item.reason else ""
        yield f"{item.action:8}{item.name} at {item.address}{suffix}"
        if item.action == KEEP:
            continue
        changed = {change.parameter: change.old for change in item.changes}
        for name, value in item.arguments.items():
            yield from _argument_lines(name, value, changed)
    for call in plan.calls:
        yield f"{'call':8}{call.step}: {call.old} -> {call.new}"
    yield from manual_lines(plan.manual)
    yield from note_lines(plan.notes)
    if plan.is_empty:
        yield "nothing to send: the chain is as configured"


def manual_lines(calls: tuple[Call, ...]) -> Iterator[str]:
    """Yield what accounts that are not at hand must send."""
    for call in calls:
        yield f"{'manual':8}{call.step}: the {call.role} {call.sender} sends"
        yield f"          to {call.address}  {call.function}{tuple(call.arguments.values())}"
        if call.value:
            yield f"          value {call.value} wei"
        yield f"          data 0x{call.calldata().hex()}"


def note_lines(notes: tuple[Note, ...]) -> Iterator[str]:
    """Yield differences that a deployment does not settle."""
    for note in notes:
        yield f"{'note':8}{note.subject}: {note.text}"


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return a plan for machines."""
    return {
        "network": plan.network,
        "chain_id": plan.chain_id,
        "deployer": plan.deployer,
        "token": plan.token,
        "is_empty": plan.is_empty,
        "contracts": [
            {
                "contract": item.name,
                "action": item.action,
                "address": item.address,
                "constructor_args": item.arguments,
                "reason": item.reason or None,
                "changes": [vars(change) for change in item.changes],
            }
            for item in plan.contracts
        ],
        "calls": [_call_json(call) for call in plan.calls],
        "manual": [_call_json(call) for call in plan.manual],
        "notes": [vars(note) for note in plan.notes],
    }


def deployment_json(deployment: Deployment) -> dict[str, Any]:
    """Return a result for machines."""
    return {
        "network": deployment.network,
        "chain_id": deployment.chain_id,
        "token": deployment.token,
        "contracts": {name: record["address"] for name, record in deployment.records.items()},
        "sent": list(deployment.sent),
        "gas_used": sum(entry["gas_used"] for entry in deployment.sent),
        "manual": [_call_json(call) for call in deployment.manual],
        "notes": [vars(note) for note in deployment.notes],
    }


def _call_json(call: Call) -> dict[str, Any]:
    return {
        "step": call.step,
        "contract": call.contract,
        "to": call.address,
        "function": call.function,
        "arguments": call.arguments,
        "sender": call.sender,
        "role": call.role,
        "value": str(call.value),
        "old": call.old,
        "new": call.new,
        "data": "0x" + call.calldata().hex(),
    }


def _argument_lines(name: str, value: Any, changed: Mapping[str, str]) -> Iterator[str]:
    def before(parameter: str) -> str:
        return f"{changed[parameter]} -> " if parameter in changed else ""

    if isinstance(value, dict):
        yield f"          {name}:"
        for key, entry in value.items():
            yield f"            {key} = {before(f'{name}.{key}')}{_inline(entry)}"
        return
    yield f"          {name} = {before(name)}{_inline(value)}"


def _inline(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
