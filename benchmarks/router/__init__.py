# SPDX-License-Identifier: Apache-2.0
"""The router beside LiteLLM's proxy: requests per second, added latency, CPU, memory.

Run as `python -m benchmarks.router`. Both proxies stand before the same fake OpenAI server, on the
same machine and in interleaved rounds, so ratios within one run count and absolute numbers do not.
"""
