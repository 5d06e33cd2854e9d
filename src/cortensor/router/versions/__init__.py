# SPDX-License-Identifier: Apache-2.0
"""Other shapes of the paid calls: each becomes a v4 call and is shown from its answer."""
