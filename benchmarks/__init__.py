# SPDX-License-Identifier: Apache-2.0
"""What is promised of speed and of being right, measured."""
