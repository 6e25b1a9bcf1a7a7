# What a script of starhost can say, for editors. Made by: starhost doc --stubs

from typing import Any, Literal, Mapping, NoReturn

def load(module: str, *names: str, **renamed: str) -> None:
    """Takes names from another file: load("x.star", "f", g = "h")."""
    ...

def fail(*args: object, sep: str = " ") -> NoReturn:
    """Ends the phase with an error."""
    ...

def struct(**fields: Any) -> Any:
    """A record with these fields."""
    ...

class Secret:
    """A secret of the config. A script never sees its text."""

class UndoAction:
    """What compensates an action, as data."""

class Context:
    """What each phase gets as ctx."""

    run: str
    """The identifier of the run."""

    workload: str
    """The name of the workload."""

    timeout: int
    """Seconds that anything may be held, the undo included."""

    params: dict[str, Any]
    """What the caller gave to the run; empty if nothing."""

    settings: dict[str, Any]
    """SETTINGS of the script, with what the config changes."""

    recovery_point: Any
    """That of this run; None in prescript itself, which returns it."""

    snapshot: Literal["unknown", "taken"]
    """"taken" in postscript: there is a snapshot."""

    verified: dict[str, Any] | None
    """The dict that verify returned; None if it returned none, and before postscript."""

    local: bool
    """The server is on this machine; true without a connection."""

    linux_user: str
    """linux_user of the config, or an empty string."""

    command_path: str
    """command_path of the config, or an empty string."""

    ipc_folder: str
    """ipc_folder of the config, or an empty string."""

class Answer:
    """What a server answered to try_sql."""

    ok: bool
    """The statement was made."""

    rows: list[dict[str, Any]]
    """What it returned; empty after an error."""

    code: int | str | None
    """The server's own code of the error: a number, or an SQLSTATE string for PostgreSQL; None without an error."""

    message: str | None
    """What the server says of the error; None without one."""

class Output:
    """How a program of exec_as or try_exec_as ended."""

    code: int
    """The exit code."""

    stdout: str
    """What it wrote to standard output."""

    stderr: str
    """What it wrote to standard error."""

    truncated: bool
    """It wrote more than was kept."""

def sql(query: str, *params: object, session: str | None = "main", undo: str | UndoAction | list[str | UndoAction] | None = ..., hold: str | None = ..., releases: str | None = ..., scope: Literal["session", "server", "boot", "durable"] | None = ..., timeout: float | None = ...) -> list[dict[str, Any]]:
    """Runs one statement on a pinned session of the workload's server. A statement that changes the server needs undo=, or an explicit undo = None. What counts as a read is a list per database: a function that is not on it is a change.

    Args:
        query: string with one SQL statement; required. The statement. Placeholders are ? (MySQL, SQLite), $1 (PostgreSQL) or :1 (Oracle).
        params: None, bool, int, float, string, bytes or secret. Values for the placeholders.
        session: a name of 1 to 64 letters, digits, - or _; default "main". Which session. Each name is one connection, opened before the first hold and never reopened.
        undo: string, undo action, list of those or None. What compensates the statement: a statement for the same session, undo.sql(…), undo.exec_as(…), a list (all, in order), undo.any(…), or None for nothing.
        hold: a name of 1 to 64 letters, digits, - or _. Name of what it takes, for thaw() and the report.
        releases: a name of 1 to 64 letters, digits, - or _. Name of the hold that this very action gives back.
        scope: "session", "server", "boot" or "durable". How long the effect lasts if nobody undoes it; can be made longer than the host's own view, not shorter.
        timeout: positive number of seconds. How long it may take.

    Returns:
        list of dicts, one a row; DECIMAL and dates are strings

    Example:
        sql("FLUSH TABLES WITH READ LOCK", hold = "lock", undo = "UNLOCK TABLES")
    """
    ...

def sql_one(query: str, *params: object, session: str | None = "main", timeout: float | None = ...) -> dict[str, Any]:
    """Runs one statement that reads, and returns its only row. No row, or more than one, is an error.

    Args:
        query: string with one SQL statement; required. The statement.
        params: None, bool, int, float, string, bytes or secret. Values for the placeholders.
        session: a name of 1 to 64 letters, digits, - or _; default "main". Which session.
        timeout: positive number of seconds. How long the statement may take.

    Returns:
        dict

    Example:
        version = sql_one("SELECT VERSION() AS version")["version"]
    """
    ...

def try_sql(query: str, *params: object, session: str | None = "main", undo: str | UndoAction | list[str | UndoAction] | None = ..., hold: str | None = ..., releases: str | None = ..., scope: Literal["session", "server", "boot", "durable"] | None = ..., timeout: float | None = ...) -> Answer:
    """Runs one statement and returns what the server answered, an error too. A lost session, a statement that policy refuses and the end of the phase are still errors: they are no answers of the server.

    Args:
        query: string with one SQL statement; required. The statement.
        params: None, bool, int, float, string, bytes or secret. Values for the placeholders.
        session: a name of 1 to 64 letters, digits, - or _; default "main". Which session.
        undo: string, undo action, list of those or None. As for sql.
        hold: a name of 1 to 64 letters, digits, - or _. Name of what it takes, for thaw() and the report.
        releases: a name of 1 to 64 letters, digits, - or _. Name of the hold that this very action gives back.
        scope: "session", "server", "boot" or "durable". How long the effect lasts if nobody undoes it; can be made longer than the host's own view, not shorter.
        timeout: positive number of seconds. How long it may take.

    Returns:
        struct(ok, rows, code, message); code is the server's own: a number, or an SQLSTATE string for PostgreSQL

    Example:
        if try_sql("BACKUP STAGE START", hold = "stage", undo = "BACKUP STAGE END").code == 1064: …
    """
    ...

def exec_as(user: str, argv: list[str], *, stdin: str | bytes | Secret | list[str | bytes | Secret] | None = ..., env: Mapping[str, str | Secret] | None = ..., leave: bool | None = False, ok: list[int] | None = [0], undo: UndoAction | list[UndoAction] | None, hold: str | None = ..., releases: str | None = ..., scope: Literal["session", "server", "boot", "durable"] | None = ..., timeout: float | None = ...) -> Output:
    """Runs a program as a user of this machine, without a shell. Its environment is empty but for PATH, HOME, USER, LANG; on its standard input is nothing. When it ends, or runs out of time, everything that it started is killed; leave = True leaves that running after a success. An exit code that is not in ok is an error.

    Args:
        user: string; required. Login name. The program gets the user's uid, gid and supplementary groups.
        argv: list of strings, the first the absolute path of a program; required. The program and its arguments.
        stdin: string, bytes, secret, list of those or None. What it reads on standard input; the parts of a list one after the other, with nothing between them.
        env: dict of strings to strings or secrets. More environment variables.
        leave: True or False; default False. Leaves running what the program started, when it ends by itself with a code of ok (of try_exec_as: 0). What they write from then on is thrown away. On any other end everything is killed. On Linux only; elsewhere it must not write to the output of the program.
        ok: list of exit codes from 0 to 255; default [0]. Exit codes that are a success.
        undo: undo action, list of those or None; required. What compensates it: undo.exec_as(…), undo.sql(…), a list, undo.any(…), or None.
        hold: a name of 1 to 64 letters, digits, - or _. Name of what it takes, for thaw() and the report.
        releases: a name of 1 to 64 letters, digits, - or _. Name of the hold that this very action gives back.
        scope: "session", "server", "boot" or "durable". How long the effect lasts if nobody undoes it; can be made longer than the host's own view, not shorter.
        timeout: positive number of seconds. How long it may take.

    Returns:
        struct(code, stdout, stderr, truncated); at most 256 KiB of each output are kept

    Example:
        exec_as("oracle", ["/usr/bin/sqlplus", "-S", "-L", "/nolog"], stdin = text, undo = None)
    """
    ...

def try_exec_as(user: str, argv: list[str], *, stdin: str | bytes | Secret | list[str | bytes | Secret] | None = ..., env: Mapping[str, str | Secret] | None = ..., leave: bool | None = False, undo: UndoAction | list[UndoAction] | None, hold: str | None = ..., releases: str | None = ..., scope: Literal["session", "server", "boot", "durable"] | None = ..., timeout: float | None = ...) -> Output:
    """Runs a program as exec_as does; any exit code is an answer. Only 0 gives back what releases names. A program that cannot be started is still an error.

    Args:
        user: string; required. Login name. The program gets the user's uid, gid and supplementary groups.
        argv: list of strings, the first the absolute path of a program; required. The program and its arguments.
        stdin: string, bytes, secret, list of those or None. What it reads on standard input; the parts of a list one after the other, with nothing between them.
        env: dict of strings to strings or secrets. More environment variables.
        leave: True or False; default False. Leaves running what the program started, when it ends by itself with a code of ok (of try_exec_as: 0). What they write from then on is thrown away. On any other end everything is killed. On Linux only; elsewhere it must not write to the output of the program.
        undo: undo action, list of those or None; required. As for exec_as.
        hold: a name of 1 to 64 letters, digits, - or _. Name of what it takes, for thaw() and the report.
        releases: a name of 1 to 64 letters, digits, - or _. Name of the hold that this very action gives back.
        scope: "session", "server", "boot" or "durable". How long the effect lasts if nobody undoes it; can be made longer than the host's own view, not shorter.
        timeout: positive number of seconds. How long it may take.

    Returns:
        struct(code, stdout, stderr, truncated)

    Example:
        status = try_exec_as("iris", ["/usr/bin/iris", "qlist"], undo = None).code
    """
    ...

def freeze(*paths: str) -> list[str]:
    """Names paths whose filesystems are to be frozen for the snapshot. They are synced now, and frozen last: after prescript has returned and the recovery point is on disk. It is an error once anything is held, so that no action can hang on a frozen filesystem. freeze() without a path states that the data needs no filesystem freeze.

    Args:
        paths: absolute path. Files or directories of the database.

    Returns:
        list of the mount points

    Example:
        freeze("/var/lib/mysql", "/srv/binlog")
    """
    ...

def thaw(*holds: str) -> list[str]:
    """Gives holds back, newest first: the named ones, or everything that this script holds. What a script forgets the host gives back.

    Args:
        holds: a name of 1 to 64 letters, digits, - or _. Names given as hold=.

    Returns:
        list of the names that were given back

    Example:
        thaw("lock")
    """
    ...

def emit(event: str, **data: object) -> None:
    """Sends an event to the messaging channel. It never waits.

    Args:
        event: a name of 1 to 64 letters, digits, - or _; required. What happened.
        data: None, bool, int, float, string, bytes, list or dict. More about it, as keyword arguments of any name.

    Returns:
        None

    Example:
        emit("refused", reason = "long queries", count = 3)
    """
    ...

def sleep(seconds: float) -> None:
    """Waits. It ends at once when the phase does.

    Args:
        seconds: positive number of seconds; required. How long, at most 60.

    Returns:
        None

    Example:
        sleep(0.5)
    """
    ...

def secret(name: str) -> Secret:
    """A secret of the config (secret.NAME = FILE). The script never sees its text: it can be a parameter of sql, the stdin or an environment variable of exec_as, and is recorded as its name.

    Args:
        name: a name of 1 to 64 letters, digits, - or _; required. NAME of secret.NAME.

    Returns:
        secret

    Example:
        exec_as("iris", argv, stdin = secret("iris"), undo = None)
    """
    ...

def quote_name(name: str) -> str:
    """Quotes a name in the way of the workload's database. For use in a statement, where a placeholder cannot stand.

    Args:
        name: string; required. Name of a database, table, user …

    Returns:
        string

    Example:
        sql("ALTER DATABASE " + quote_name(db) + " …", undo = …)
    """
    ...

class _Undo:
    @staticmethod
    def sql(query: str, *params: object, session: str | None = ..., when: str | None = ...) -> UndoAction:
        """A statement as an undo.

        Args:
            query: string with one SQL statement; required. The statement.
            params: None, bool, int, float, string, bytes or secret. Values for the placeholders.
            session: a name of 1 to 64 letters, digits, - or _. Which session; that of the action if not given.
            when: string with one SQL statement. A read whose first value must be true for the undo to be made. It leaves alone what somebody else has changed meanwhile.

        Returns:
            undo action

        Example:
            undo.sql("SET GLOBAL x = ?", old, when = "SELECT @@global.x = 1")
        """
        ...

    @staticmethod
    def exec_as(user: str, argv: list[str], *, stdin: str | bytes | Secret | list[str | bytes | Secret] | None = ..., env: Mapping[str, str | Secret] | None = ..., leave: bool | None = False, ok: list[int] | None = [0], timeout: float | None = ...) -> UndoAction:
        """A program as an undo.

        Args:
            user: string; required. Login name. The program gets the user's uid, gid and supplementary groups.
            argv: list of strings, the first the absolute path of a program; required. The program and its arguments.
            stdin: string, bytes, secret, list of those or None. What it reads on standard input; the parts of a list one after the other, with nothing between them.
            env: dict of strings to strings or secrets. More environment variables.
            leave: True or False; default False. Leaves running what the program started, when it ends by itself with a code of ok (of try_exec_as: 0). What they write from then on is thrown away. On any other end everything is killed. On Linux only; elsewhere it must not write to the output of the program.
            ok: list of exit codes from 0 to 255; default [0]. Exit codes that are a success.
            timeout: positive number of seconds. How long each attempt may take; without one 3 seconds, from the second attempt on 10.

        Returns:
            undo action

        Example:
            undo.exec_as("iris", ["/usr/bin/iris", "thaw", "IRIS"])
        """
        ...

    @staticmethod
    def any(*steps: str | UndoAction) -> UndoAction:
        """A ladder: the steps are tried in order until one works.

        Args:
            steps: string or undo action. Statements, or undo actions.

        Returns:
            undo action

        Example:
            undo.any(undo.exec_as("iris", thaw), undo.exec_as("iris", resume))
        """
        ...

undo: _Undo
