"""The layers, each with its derivative written out by hand.

Each function gives two things: its output, and a function `backward` that takes the loss's gradient
with respect to that output and gives the gradient with respect to each input, in the same order.
Shapes: B pieces, T positions, D width, H heads, V characters in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nanolm.data import Tokens

Array = npt.NDArray[np.floating[Any]]
"""float32 when training, float64 when a test compares the derivatives with differences."""

EPSILON = 1e-6


def embed(
    tokens: Tokens, table: Array, positions: Array
) -> tuple[Array, Callable[[Array], tuple[Array, Array]]]:
    """For each of *tokens* (B, T) its row of *table* (V, D), plus the row of its position."""
    length = tokens.shape[1]

    def backward(d_output: Array) -> tuple[Array, Array]:
        chosen = one_hot(tokens, table)
        d_table = flat(chosen).T @ flat(d_output)
        d_positions = np.zeros_like(positions)
        d_positions[:length] = d_output.sum(axis=0)
        return d_table, d_positions

    return table[tokens] + positions[:length], backward


def linear(x: Array, weight: Array) -> tuple[Array, Callable[[Array], tuple[Array, Array]]]:
    """*x* times *weight*."""

    def backward(d_output: Array) -> tuple[Array, Array]:
        return d_output @ weight.T, flat(x).T @ flat(d_output)

    return x @ weight, backward


def normalize(x: Array, scale: Array) -> tuple[Array, Callable[[Array], tuple[Array, Array]]]:
    """*x* brought to a mean square of one over its last axis, times *scale* (RMSNorm)."""
    size = np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + EPSILON)
    normal = x / size

    def backward(d_output: Array) -> tuple[Array, Array]:
        d_normal = d_output * scale
        # Growing x along itself changes nothing: that part of the gradient is taken out.
        along = np.mean(d_normal * normal, axis=-1, keepdims=True)
        return (d_normal - normal * along) / size, flat(d_output * normal).sum(axis=0)

    return normal * scale, backward


def squared_relu(x: Array) -> tuple[Array, Callable[[Array], Array]]:
    """The square of what is above zero, and zero elsewhere."""
    positive = np.maximum(x, 0)

    def backward(d_output: Array) -> Array:
        return d_output * 2 * positive

    return positive * positive, backward


def attend(qkv: Array, heads: int) -> tuple[Array, Callable[[Array], Array]]:
    """Causal self-attention: each position takes a weighted mean of the values up to itself.

    *qkv* (B, T, 3 D) holds the queries, keys and values side by side.
    """
    query, key, value = (split_heads(part, heads) for part in np.split(qkv, 3, axis=-1))
    root = float(np.sqrt(query.shape[-1]))
    length = qkv.shape[1]
    future = np.triu(np.ones((length, length), dtype=bool), k=1)
    weights = softmax(np.where(future, -np.inf, query @ key.swapaxes(-1, -2) / root))

    def backward(d_output: Array) -> Array:
        d_mixed = split_heads(d_output, heads)
        d_weights = d_mixed @ value.swapaxes(-1, -2)
        d_value = weights.swapaxes(-1, -2) @ d_mixed
        d_scores = weights * (d_weights - (d_weights * weights).sum(axis=-1, keepdims=True)) / root
        d_query = d_scores @ key
        d_key = d_scores.swapaxes(-1, -2) @ query
        return np.concatenate([merge_heads(d) for d in (d_query, d_key, d_value)], axis=-1)

    return merge_heads(weights @ value), backward


def cross_entropy(logits: Array, targets: Tokens) -> tuple[float, Callable[[], Array]]:
    """The mean, in nats, of how surprising *targets* (B, T) are under *logits* (B, T, V)."""
    chances = softmax(logits)
    chosen = np.take_along_axis(chances, targets[..., None], axis=-1)

    def backward() -> Array:
        return (chances - one_hot(targets, logits.T)) / targets.size

    return float(-np.mean(np.log(chosen))), backward


def softmax(x: Array) -> Array:
    """Positive numbers that sum to one over the last axis."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def one_hot(tokens: Tokens, like: Array) -> Array:
    """For each token a one at its place; as many places, of the same dtype, as *like* has rows."""
    return np.eye(len(like), dtype=like.dtype)[tokens]


def flat(x: Array) -> Array:
    """*x* as a table: its last axis stays, the others become one."""
    return x.reshape(-1, x.shape[-1])


def split_heads(x: Array, heads: int) -> Array:
    """(B, T, D) as (B, H, T, D / H)."""
    batch, length, width = x.shape
    return x.reshape(batch, length, heads, width // heads).swapaxes(1, 2)


def merge_heads(x: Array) -> Array:
    """(B, H, T, D / H) as (B, T, D)."""
    batch, heads, length, width = x.shape
    return x.swapaxes(1, 2).reshape(batch, length, heads * width)
