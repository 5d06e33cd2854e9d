# SPDX-License-Identifier: Apache-2.0
"""Three reward epochs on a chain of one's own, with receipts of a real router."""
