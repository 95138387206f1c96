"""Ledger file: one sqlite file that many processes write at once, on any file system.

Only the file: made private, told from others, brought to today's tables, one short transaction at a
time. Each has a connection of its own, so that nothing is held between two of them, not even by a
process that is killed. The journal is sqlite's rollback journal: write-ahead logging needs shared
memory, and homes on login nodes are NFS.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from theseus.core.errors import Unreadable

PATIENCE = 20.0  # seconds to wait for other processes
# sqlite lets waiters in by chance: of a hundred threads some would wait in vain
_WRITING = threading.Lock()
APPLICATION_ID = 0x74687365  # "thse": tells a ledger from other files of sqlite's
REBUILD = "move it away and find your runs again with `theseus ps --rescan`"
# Run once each, in order; `PRAGMA user_version` counts them. None is ever changed again.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE runs (
            run_id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            submitted_at TEXT NOT NULL,
            config BLOB,
            submission TEXT NOT NULL,
            detail TEXT NOT NULL,
            plan TEXT NOT NULL
        )
        """,
        "CREATE INDEX runs_by_time ON runs (submitted_at)",
    ),
    (
        "ALTER TABLE runs ADD COLUMN state TEXT",
        "ALTER TABLE runs ADD COLUMN seen_at TEXT",
    ),
)


class LedgerUnusable(Exception):  # noqa: N818  the error is the value it carries
    """The file cannot be used; *error* says why and what to do."""

    def __init__(self, error: Unreadable) -> None:
        super().__init__(f"{error.path}: {error.reason}; {error.advice}")
        self.error = error


def prepare(path: Path) -> None:
    """Have a ledger of today at *path*, for its owner alone; LedgerUnusable when it is none."""
    with _explained(path):
        if not path.exists():
            # before there is a file: sqlite makes it by the umask, and nobody may look meanwhile
            path.parent.mkdir(parents=True, exist_ok=True)
            path.parent.chmod(0o700)
        with _connected(path) as connection:
            with _one_moment(connection):
                version = _version(path, connection)
            if version < len(MIGRATIONS):
                path.chmod(0o600)  # and with it the journal: sqlite gives it the mode of its file
                _migrate(path, connection)


@contextmanager
def transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """A transaction that writes: all of it happens, or nothing; LedgerUnusable when it cannot."""
    with _WRITING, _explained(path), _connected(path) as connection, _all_or_nothing(connection):
        yield connection


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, and waits for no other reader; LedgerUnusable as above."""
    with _explained(path), _connected(path) as connection:
        yield connection


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    # isolation_level=None: transactions begin and end where it is said, nowhere else
    with closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


@contextmanager
def _one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    # all that is read is of the same moment: what another process writes meanwhile waits
    connection.execute("BEGIN DEFERRED")
    try:
        yield
    finally:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


@contextmanager
def _all_or_nothing(connection: sqlite3.Connection) -> Iterator[None]:
    # the right to write is taken at once: two that read first and then want to write would block
    # each other, and neither could wait
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(path: Path, connection: sqlite3.Connection) -> int:
    """How many migrations the file has had; LedgerUnusable when it is not a ledger of ours."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (application, version, tables) != (0, 0, 0):
        raise LedgerUnusable(_unusable(path, "is a database of something else", REBUILD))
    if version > len(MIGRATIONS):
        newer = f"was written by a newer theseus (version {version} of its tables)"
        raise LedgerUnusable(_unusable(path, newer, f"update theseus, or {REBUILD}"))
    return int(version)


def _migrate(path: Path, connection: sqlite3.Connection) -> None:
    with _all_or_nothing(connection):
        done = _version(path, connection)  # another process may have been here meanwhile
        for statement in (each for migration in MIGRATIONS[done:] for each in migration):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Tell what the world does to the file as LedgerUnusable."""
    try:
        yield
    except sqlite3.OperationalError as error:
        advice = "try again" if "locked" in str(error) else "look at the disk and its permissions"
        raise LedgerUnusable(_unusable(path, str(error), advice)) from error
    except sqlite3.DatabaseError as error:
        raise LedgerUnusable(_unusable(path, str(error), REBUILD)) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LedgerUnusable(
            _unusable(path, reason, "look at the disk and its permissions")
        ) from error


def _unusable(path: Path, reason: str, advice: str) -> Unreadable:
    return Unreadable("ledger", str(path), reason, advice)
