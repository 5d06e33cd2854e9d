# SPDX-License-Identifier: Apache-2.0
"""Commands as a user types them, and a node that does not say that it is Anvil."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[2]
APE = str(Path(sys.executable).parent / "ape")


def environment(extra=None):
    """The test run's environment, with the project's Anvil found by Ape."""
    env = {**os.environ, **(extra or {})}
    env["PATH"] = f"{ROOT / 'node_modules' / '.bin'}{os.pathsep}{env['PATH']}"
    # Ape imports two thousand modules: without their bytecode each command takes twice as long.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env


def ape_run(*arguments: object, cwd=ROOT, env=None, timeout=240):
    """Run `ape run …` without a terminal and return the finished process."""
    return subprocess.run(
        [APE, "run", *map(str, arguments)],
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def ape_start(*arguments: object):
    """Start `ape run …` and return the process, to be killed."""
    return subprocess.Popen(
        [APE, "run", *map(str, arguments)],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def error_of(done):
    """The one line of a refusal; fails if the command said anything else, or a traceback."""
    assert done.returncode != 0, done.stdout
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("INFO", "WARNING"))]
    errors = [line for line in lines if line.startswith(("Error: ", "ERROR: "))]
    assert len(errors) == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return errors[0]


def rpc(url, method, *parameters: object):
    """Call a JSON-RPC method."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
    request = Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urlopen(request, timeout=20) as response:
        answer = json.load(response)
    assert "error" not in answer, answer
    return answer["result"]


def block_number(url):
    return int(rpc(url, "eth_blockNumber"), 16)


@contextlib.contextmanager
def changed(url, change):
    """A proxy before a node: its answers are what `change(call, answer)` returns, all as JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            request = Request(url, body, {"content-type": "application/json"})
            with urlopen(request, timeout=20) as response:
                data = json.dumps(change(json.loads(body), json.load(response))).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_arguments: object):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def disguised(url, client="nitro/v3.9.4-test/linux-amd64/go1.25"):
    """A proxy before Anvil that names itself otherwise: the nearest thing to a real network."""

    def named(call, answer):
        is_asked = isinstance(call, dict) and call["method"] == "web3_clientVersion"
        return answer | {"result": client} if is_asked else answer

    return changed(url, named)
