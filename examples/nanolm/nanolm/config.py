"""What a training can be told.

These dataclasses are the schema of `train.yaml`. They import nothing heavy, so that a job's key and
its config can be read without numpy.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ModelConfig:
    """The size of the model."""

    width: int = 64
    """Numbers that describe one character inside the model."""
    heads: int = 4
    """Attention heads; each looks at width / heads of those numbers."""
    context: int = 64
    """Characters the model sees at once."""

    def __post_init__(self) -> None:
        require_positive(self, "model", "width", "heads", "context")
        if self.width % self.heads:
            raise ValueError(
                f"model.width: {self.width} is no multiple of model.heads, {self.heads}"
            )


@dataclass(frozen=True)
class TrainingConfig:
    """How much is learned from."""

    tokens: int = 600_000
    """The budget in characters; the last step may go past it by less than one batch."""
    batch_size: int = 8
    """Pieces of text, each as long as the context, that one step learns from."""

    def __post_init__(self) -> None:
        require_positive(self, "training", "tokens", "batch_size")


@dataclass(frozen=True)
class OptimConfig:
    """How fast it is learned."""

    lr: float = 0.004
    """The highest learning rate: reached after the warm-up, then falling to a tenth of itself."""
    warmup: float = 0.05
    """The share of the budget in which the learning rate rises from zero."""

    def __post_init__(self) -> None:
        require_positive(self, "optim", "lr")
        if not 0 <= self.warmup < 1:
            raise ValueError(f"optim.warmup: expected a share from 0 to below 1, got {self.warmup}")


@dataclass(frozen=True)
class TrainConfig:
    """Everything in `train.yaml` but `job` and `request`."""

    text: str = "data/alice.txt"
    """The text to learn, relative to the project's folder."""
    prompt: str = "Alice "
    """How the sample begins that the finished model writes."""
    seed: int = 1
    """The same seed on the same machine gives the same model."""
    checkpoint_every: int = 250
    """Steps from one checkpoint to the next."""
    checkpoints_kept: int = 3
    report_every: int = 100
    """Steps from one line of progress to the next."""
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)

    def __post_init__(self) -> None:
        require_positive(self, "", "checkpoint_every", "checkpoints_kept", "report_every")
        if not self.prompt:
            raise ValueError("prompt: expected at least one character, got none")

    @property
    def tokens_per_step(self) -> int:
        """Characters that one step learns from."""
        return self.training.batch_size * self.model.context

    @property
    def steps(self) -> int:
        """Steps that use up the budget."""
        return -(-self.training.tokens // self.tokens_per_step)


def require_positive(config: object, section: str, *names: str) -> None:
    """Raises ValueError, with the key's path, for a field in *names* that is not above zero."""
    for name in names:
        value = getattr(config, name)
        if value <= 0:
            path = f"{section}.{name}".lstrip(".")
            raise ValueError(f"{path}: expected a number above zero, got {value}")
