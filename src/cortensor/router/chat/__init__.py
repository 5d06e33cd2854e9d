# SPDX-License-Identifier: Apache-2.0
"""`/v1/chat/completions` and `/v1/models`, for clients of the OpenAI API: one more shape of v4."""
