# SPDX-License-Identifier: Apache-2.0
"""The parts of `ape run demo`; nothing runs at import."""
