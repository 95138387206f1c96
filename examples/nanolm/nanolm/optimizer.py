"""Adam, and the learning rate over the course of a training."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nanolm.config import OptimConfig
from nanolm.model import Parameters

MEAN_DECAY = 0.9
SQUARE_DECAY = 0.99
EPSILON = 1e-8


@dataclass
class Adam:
    """Running means of each parameter's gradient and of the gradient's square."""

    mean: Parameters
    square: Parameters

    def update(self, parameters: Parameters, gradients: Parameters, step: int, lr: float) -> None:
        """Moves *parameters* in place; *step* counts from one."""
        mean_share = 1 - MEAN_DECAY**step  # the running means begin at zero and need time to fill
        square_share = 1 - SQUARE_DECAY**step
        for name, gradient in gradients.items():
            mean, square = self.mean[name], self.square[name]
            mean += (1 - MEAN_DECAY) * (gradient - mean)
            square += (1 - SQUARE_DECAY) * (gradient * gradient - square)
            spread = np.sqrt(square / square_share) + EPSILON
            parameters[name] -= lr * (mean / mean_share) / spread


def new_adam(parameters: Parameters) -> Adam:
    """Adam before its first step."""
    return Adam(
        mean={name: np.zeros_like(value) for name, value in parameters.items()},
        square={name: np.zeros_like(value) for name, value in parameters.items()},
    )


def learning_rate(optim: OptimConfig, done: float) -> float:
    """The rate when *done* (0 to 1) of the budget is used: up in a line, down in half a cosine."""
    if done < optim.warmup:
        return optim.lr * done / optim.warmup
    rest = (done - optim.warmup) / (1 - optim.warmup)
    return optim.lr * (0.1 + 0.9 * (1 + math.cos(math.pi * rest)) / 2)
