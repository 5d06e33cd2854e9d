# SPDX-License-Identifier: Apache-2.0
"""`python -m cortensor`, the same as `cortensor`."""

from cortensor.cli import main

if __name__ == "__main__":
    main()
