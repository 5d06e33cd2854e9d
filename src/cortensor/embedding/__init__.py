# SPDX-License-Identifier: Apache-2.0
"""Embedding models for "the same answer": vectors of text, from files, without any network.

Needs the extra `embedding`; nothing here is imported before a model is asked for.
"""

from cortensor.embedding.load import MINILM, MODELS, WORDLLAMA, load_model, model_for

__all__ = ["MINILM", "MODELS", "WORDLLAMA", "load_model", "model_for"]
