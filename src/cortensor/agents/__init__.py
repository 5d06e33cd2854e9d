# SPDX-License-Identifier: Apache-2.0
"""ERC-8004 agents whose word is a receipt: register, ask, answer, attest, and see what is broken.

Pages: docs/spec/agents.md, docs/runbooks/validator.md.
"""
