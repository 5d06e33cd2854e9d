# SPDX-License-Identifier: Apache-2.0
"""The file by which a world's router is started as a process, and by which commands know it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.ape.watch.world import KEY_ENV, ROUTER_ID


def router_file(world, node: str, *more: str) -> Path:
    """Write the router's TOML, and return where; JSON strings are TOML strings.

    Args:
        world: whose router it is.
        node: the node's RPC, as the router reaches it.
        more: further lines.
    """
    own = world.config
    lines = [
        f"rpc_url = {json.dumps(node)}",
        f"deployments = {json.dumps(own.deployments)}",
        f"router_id = {ROUTER_ID}",
        f"signer_key_env = {json.dumps(KEY_ENV)}",
        f"database = {json.dumps(own.database)}",
        "port = 0",
        "[backend]",
        'kind = "openai"',
        f"base_url = {json.dumps(world.model.url)}",
        'model = "any"',
        "[[sessions]]",
        'id = "201"',
        "[limits]",
        "session_cache_s = 0",
        *more,
    ]
    path = world.folder / "router.toml"
    path.write_text("\n".join(lines) + "\n")
    return path
