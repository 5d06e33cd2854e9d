# SPDX-License-Identifier: Apache-2.0
"""Mutation check: are the tests of the money contracts able to fail? See docs/spec/mutations.md."""
