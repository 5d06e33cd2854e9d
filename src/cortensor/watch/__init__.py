# SPDX-License-Identifier: Apache-2.0
"""The watcher: recomputes every anchored batch, challenges what is wrong, answers demands."""
