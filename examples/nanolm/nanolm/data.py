"""The text as numbers: one integer for each character.

Reads the text and cuts pieces from it. Knows nothing of the model.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int64]

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Corpus:
    """A text, its vocabulary, and its division: the last tenth is for validation only."""

    vocabulary: str
    training: Tokens
    validation: Tokens
    digest: str
    """SHA-256 of the text: two corpora are the same when their digests are."""

    def encode(self, text: str) -> Tokens:
        """*text* as indices into the vocabulary; ValueError for a character that is not in it."""
        unknown = sorted(set(text) - set(self.vocabulary))
        if unknown:
            raise ValueError(f"{text!r}: the text to learn never has {unknown[0]!r}")
        return np.array([self.vocabulary.index(character) for character in text], dtype=np.int64)

    def decode(self, tokens: Tokens) -> str:
        """The text that *tokens* stand for."""
        return "".join(self.vocabulary[token] for token in tokens)


def read_corpus(path: str, context: int) -> Corpus:
    """The text at *path*, relative to the project's folder, for a model that sees *context*."""
    text = (PROJECT / path).read_text(encoding="utf-8")
    if len(text) < 10 * (context + 2):
        raise ValueError(f"{path}: {len(text)} characters are too few for a context of {context}")
    vocabulary = "".join(sorted(set(text)))
    index = {character: number for number, character in enumerate(vocabulary)}
    tokens = np.array([index[character] for character in text], dtype=np.int64)
    cut = len(tokens) * 9 // 10
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Corpus(vocabulary, tokens[:cut], tokens[cut:], digest)


def random_batch(
    tokens: Tokens, size: int, context: int, rng: np.random.Generator
) -> tuple[Tokens, Tokens]:
    """*size* pieces of *context* tokens from anywhere, and for each token the one that follows."""
    starts = rng.integers(0, len(tokens) - context, size=size)
    pieces = tokens[starts[:, None] + np.arange(context + 1)]
    return pieces[:, :-1], pieces[:, 1:]


def all_pieces(tokens: Tokens, context: int) -> tuple[Tokens, Tokens]:
    """*tokens* from beginning to end, in pieces that do not overlap; a short rest is left out."""
    count = (len(tokens) - 1) // context
    end = count * context
    return tokens[:end].reshape(count, context), tokens[1 : end + 1].reshape(count, context)
