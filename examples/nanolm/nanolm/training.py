"""The training: from a config to a model, through as many interruptions as it takes.

Knows folders and files, and nothing of who started it: no cluster, no scheduler, no theseus.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nanolm import checkpoint
from nanolm.checkpoint import Progress, State
from nanolm.config import TrainConfig
from nanolm.data import Corpus, all_pieces, random_batch, read_corpus
from nanolm.model import generate, loss_and_gradients, loss_of, new_parameters
from nanolm.optimizer import learning_rate, new_adam
from nanolm.results import Results
from nanolm.team import Team, joined
from nanolm.termination import Interrupted, Termination

SAMPLE_LENGTH = 300


def train(
    config: TrainConfig,
    checkpoints: Path,
    results: Results,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Trains to the end of the budget, from the newest state in *checkpoints* if there is one.

    *environment* tells of other processes that take part, as torch has it (RANK, WORLD_SIZE, …).
    Raises Interrupted when SIGTERM comes before the end; the next start goes on from there.
    """
    corpus = read_corpus(config.text, config.model.context)
    corpus.encode(config.prompt)  # an impossible prompt is told now, not after the training
    state = checkpoint.restore(new_state(config, corpus), checkpoints)
    with joined(environment or {}, state.progress.step) as team:
        if team.rank:
            tell(f"process {team.rank} of {team.size} learns from its share of each batch")
            follow_steps(config, corpus, state, team)
            return
        announce(config, corpus, state)
        results.begin(state.progress.step)
        take_steps(Training(config, corpus, state, team), checkpoints, results)
    conclude(config, corpus, state, results)


def new_state(config: TrainConfig, corpus: Corpus) -> State:
    """The state before the first step."""
    rng = np.random.default_rng(config.seed)
    parameters = new_parameters(config.model, len(corpus.vocabulary), rng)
    identity = {**asdict(config.model), "seed": config.seed, "text": corpus.digest}
    return State(parameters, new_adam(parameters), rng, Progress(), identity)


@dataclass(frozen=True)
class Training:
    """One training: what it learns, how far it is, and who takes part."""

    config: TrainConfig
    corpus: Corpus
    state: State
    team: Team


def take_steps(training: Training, checkpoints: Path, results: Results) -> None:
    """Steps until the budget is used, with reports and checkpoints on the way."""
    config, state, progress = training.config, training.state, training.state.progress
    reporter = Reporter(results, progress)
    with Termination() as termination:
        while progress.step < config.steps:
            stop = take_step(training, stop=termination.requested)
            last = progress.step == config.steps
            if last or progress.step == 1 or progress.step % config.report_every == 0:
                reporter.report(progress)
            if last or stop or progress.step % config.checkpoint_every == 0:
                path = checkpoint.save(state, checkpoints, config.checkpoints_kept)
            if stop:
                raise Interrupted(f"stopped after step {progress.step}; the state is in {path}")


def follow_steps(config: TrainConfig, corpus: Corpus, state: State, team: Team) -> None:
    """The steps of a process that only helps: it reports nothing and keeps nothing."""
    training = Training(config, corpus, state, team)
    with Termination() as termination:
        while state.progress.step < config.steps:
            if take_step(training, stop=termination.requested):
                raise Interrupted(f"stopped after step {state.progress.step}")


def take_step(training: Training, *, stop: bool) -> bool:
    """Learns from one batch, each process from its share; whether any process is to *stop*."""
    start = time.perf_counter()
    config, corpus, state, team = (
        training.config,
        training.corpus,
        training.state,
        training.team,
    )
    progress = state.progress
    inputs, targets = random_batch(
        corpus.training, config.training.batch_size, config.model.context, state.rng
    )
    loss, gradients, stop = team.agree(
        *loss_and_gradients(
            state.parameters, team.share(inputs), team.share(targets), config.model.heads
        ),
        stop=stop,
    )
    progress.step += 1
    lr = learning_rate(config.optim, progress.step / config.steps)
    state.adam.update(state.parameters, gradients, progress.step, lr)
    if progress.step == 1:
        progress.first_loss = loss
    progress.loss = loss
    progress.tokens += targets.size
    progress.seconds += time.perf_counter() - start
    return stop


class Reporter:
    """Tells people and `metrics.csv` how it goes, with the speed since the last report."""

    def __init__(self, results: Results, progress: Progress) -> None:
        self.results = results
        self.tokens = progress.tokens
        self.seconds = progress.seconds

    def report(self, progress: Progress) -> None:
        """One line for *progress*, one row of metrics."""
        speed = (progress.tokens - self.tokens) / (progress.seconds - self.seconds)
        self.tokens, self.seconds = progress.tokens, progress.seconds
        self.results.add_metric(progress.step, progress.tokens, progress.loss, speed)
        tell(
            f"step {progress.step:<5} tokens {progress.tokens:<10,} "
            f"loss {progress.loss:.2f}  {speed / 1000:.1f}k tok/s"
        )


def announce(config: TrainConfig, corpus: Corpus, state: State) -> None:
    """Says what begins, or from where it goes on."""
    count = sum(value.size for value in state.parameters.values())
    tell(
        f"{count:,} parameters, {len(corpus.vocabulary)} different characters; "
        f"budget {config.training.tokens:,} tokens in {config.steps:,} steps"
    )
    if state.progress.step:
        tell(f"going on after step {state.progress.step}, {state.progress.tokens:,} tokens")


def conclude(config: TrainConfig, corpus: Corpus, state: State, results: Results) -> None:
    """Writes the results of a finished training and shows them."""
    progress = state.progress
    validation_loss = loss_on_unseen(config, corpus, state)
    sample = sample_from(config, corpus, state)
    results.finish(
        {
            "first_loss": progress.first_loss,
            "final_loss": progress.loss,
            "validation_loss": validation_loss,
            "tokens": progress.tokens,
            "steps": progress.step,
            "seconds": round(progress.seconds, 3),
        },
        sample,
    )
    tell(
        f"\nloss {progress.first_loss:.2f} -> {progress.loss:.2f} "
        f"({validation_loss:.2f} on text it has not seen), "
        f"{progress.tokens:,} tokens in {progress.seconds:.1f} s\n\n"
        + "\n".join(f"    {line}" for line in sample.splitlines())
        + f"\n\nresults: {results.metrics}\n         {results.summary}\n         {results.sample}"
    )


def loss_on_unseen(config: TrainConfig, corpus: Corpus, state: State) -> float:
    """The loss on the part of the text kept for validation."""
    inputs, targets = all_pieces(corpus.validation, config.model.context)
    return loss_of(state.parameters, inputs, targets, config.model.heads)


def sample_from(config: TrainConfig, corpus: Corpus, state: State) -> str:
    """The prompt, and what the model makes of it."""
    rng = np.random.default_rng(config.seed)
    prompt = corpus.encode(config.prompt)
    return corpus.decode(generate(state.parameters, prompt, SAMPLE_LENGTH, config.model, rng))


def tell(text: str) -> None:
    """Prints *text* at once, also when the output is a file that somebody follows."""
    print(text, flush=True)
