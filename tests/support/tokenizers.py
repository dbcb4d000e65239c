"""Tokenizers made by the tests."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["word_tokenizer"]


def word_tokenizer(path: Path, *, unknown: str = "[UNK]") -> Path:
    """A `tokenizer.json` for which every word is a token, and which puts one of its own before a text."""
    path.write_text(
        json.dumps(
            {
                "version": "1.0",
                "truncation": {
                    "direction": "Right",
                    "max_length": 8,
                    "strategy": "LongestFirst",
                    "stride": 0,
                },
                "padding": None,
                "added_tokens": [],
                "normalizer": None,
                "pre_tokenizer": {"type": "WhitespaceSplit"},
                "post_processor": {
                    "type": "TemplateProcessing",
                    "single": [
                        {"SpecialToken": {"id": unknown, "type_id": 0}},
                        {"Sequence": {"id": "A", "type_id": 0}},
                    ],
                    "pair": [
                        {"Sequence": {"id": "A", "type_id": 0}},
                        {"Sequence": {"id": "B", "type_id": 1}},
                    ],
                    "special_tokens": {unknown: {"id": unknown, "ids": [0], "tokens": [unknown]}},
                },
                "decoder": None,
                "model": {"type": "WordLevel", "vocab": {unknown: 0}, "unk_token": unknown},
            }
        )
    )
    return path
