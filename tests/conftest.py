"""Settings of every test: how much hypothesis tries, and where anything is remembered."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

# drawing a whole plan takes a while, and a shared machine is slow now and then
SLOW = (HealthCheck.too_slow,)

# without Phase.explain, which runs a failing example hundreds of times more
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)

settings.register_profile(
    "desk",
    max_examples=25,
    deadline=None,
    database=None,
    phases=PHASES,
    suppress_health_check=SLOW,
)
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True)
settings.register_profile("thorough", settings.get_profile("desk"), max_examples=1000)
settings.load_profile("ci" if "CI" in os.environ else "desk")


@pytest.fixture(scope="session", autouse=True)
def state_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What theseus remembers between commands is not that of the user who runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
