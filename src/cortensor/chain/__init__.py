# SPDX-License-Identifier: Apache-2.0
"""The only code that talks RPC: address book, contract readers, settlement."""
