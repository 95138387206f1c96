"""The model: embedding, one transformer block, and a guess at the next character.

Parameters and gradients are dictionaries with the same names. Nothing here reads, writes or prints.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nanolm import layers
from nanolm.config import ModelConfig
from nanolm.data import Tokens
from nanolm.layers import Array

Parameters = dict[str, Array]


def new_parameters(size: ModelConfig, vocabulary: int, rng: np.random.Generator) -> Parameters:
    """Random parameters from which a training begins."""
    width = size.width

    def matrix(rows: int, columns: int, scale: float = 1.0) -> Array:
        values = rng.standard_normal((rows, columns), dtype=np.float32)
        return values * np.float32(scale / math.sqrt(rows))

    return {
        "embedding.table": matrix(vocabulary, width),
        "embedding.positions": matrix(size.context, width),
        "attention.scale": np.ones(width, dtype=np.float32),
        "attention.in": matrix(width, 3 * width),
        "attention.out": matrix(width, width, scale=0.5),
        "mlp.scale": np.ones(width, dtype=np.float32),
        "mlp.in": matrix(width, 4 * width),
        "mlp.out": matrix(4 * width, width, scale=0.5),
        "head.scale": np.ones(width, dtype=np.float32),
        "head.weight": matrix(width, vocabulary, scale=0.1),  # the first guess: all alike
    }


def attention_block(
    x: Array, p: Parameters, heads: int
) -> tuple[Array, Callable[[Array], tuple[Array, Parameters]]]:
    """*x* plus what each position gathers from those before it."""
    normal, back_normal = layers.normalize(x, p["attention.scale"])
    qkv, back_in = layers.linear(normal, p["attention.in"])
    mixed, back_attend = layers.attend(qkv, heads)
    change, back_out = layers.linear(mixed, p["attention.out"])

    def backward(d_y: Array) -> tuple[Array, Parameters]:
        d_mixed, d_out = back_out(d_y)
        d_normal, d_in = back_in(back_attend(d_mixed))
        d_x, d_scale = back_normal(d_normal)
        gradients = {"attention.scale": d_scale, "attention.in": d_in, "attention.out": d_out}
        return d_y + d_x, gradients

    return x + change, backward


def mlp_block(x: Array, p: Parameters) -> tuple[Array, Callable[[Array], tuple[Array, Parameters]]]:
    """*x* plus what each position works out by itself."""
    normal, back_normal = layers.normalize(x, p["mlp.scale"])
    hidden, back_in = layers.linear(normal, p["mlp.in"])
    active, back_relu = layers.squared_relu(hidden)
    change, back_out = layers.linear(active, p["mlp.out"])

    def backward(d_y: Array) -> tuple[Array, Parameters]:
        d_active, d_out = back_out(d_y)
        d_normal, d_in = back_in(back_relu(d_active))
        d_x, d_scale = back_normal(d_normal)
        return d_y + d_x, {"mlp.scale": d_scale, "mlp.in": d_in, "mlp.out": d_out}

    return x + change, backward


def forward(
    p: Parameters, tokens: Tokens, heads: int
) -> tuple[Array, Callable[[Array], Parameters]]:
    """The logits (B, T, V) of the character after each of *tokens* (B, T)."""
    x, back_embed = layers.embed(tokens, p["embedding.table"], p["embedding.positions"])
    x, back_attention = attention_block(x, p, heads)
    x, back_mlp = mlp_block(x, p)
    normal, back_normal = layers.normalize(x, p["head.scale"])
    logits, back_head = layers.linear(normal, p["head.weight"])

    def backward(d_logits: Array) -> Parameters:
        d_normal, d_weight = back_head(d_logits)
        d_x, d_scale = back_normal(d_normal)
        d_x, mlp_gradients = back_mlp(d_x)
        d_x, attention_gradients = back_attention(d_x)
        d_table, d_positions = back_embed(d_x)
        return {
            "embedding.table": d_table,
            "embedding.positions": d_positions,
            **attention_gradients,
            **mlp_gradients,
            "head.scale": d_scale,
            "head.weight": d_weight,
        }

    return logits, backward


def loss_of(p: Parameters, inputs: Tokens, targets: Tokens, heads: int) -> float:
    """The mean cross-entropy, in nats per character, of *targets* given *inputs*."""
    logits, _ = forward(p, inputs, heads)
    loss, _ = layers.cross_entropy(logits, targets)
    return loss


def loss_and_gradients(
    p: Parameters, inputs: Tokens, targets: Tokens, heads: int
) -> tuple[float, Parameters]:
    """The loss, and its gradient with respect to every parameter."""
    logits, backward = forward(p, inputs, heads)
    loss, back_loss = layers.cross_entropy(logits, targets)
    return loss, backward(back_loss())


def generate(
    p: Parameters, prompt: Tokens, length: int, size: ModelConfig, rng: np.random.Generator
) -> Tokens:
    """*prompt* and *length* more characters, drawn one after the other."""
    sharpness = 1.25  # above one: likely characters are made likelier still
    tokens = prompt
    for _ in range(length):
        logits, _ = forward(p, tokens[None, -size.context :], size.heads)
        chances = layers.softmax(logits[0, -1].astype(np.float64) * sharpness)
        tokens = np.append(tokens, rng.choice(len(chances), p=chances))
    return tokens
