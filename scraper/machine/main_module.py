"""The script that was started, which multiprocessing has every worker import again.

Outside of `if __name__ == "__main__":` a run would begin once more in each worker, and whatever
else goes wrong in that import ends the worker before it is one. Both are left as a note in the
folder that the worker's name contains, and the parent reports it, once.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from scraper.errors import UsageError

GUARD = (
    'a run must stand below `if __name__ == "__main__":`, because worker processes import the '
    "script again"
)
_WORKER = "scraper-worker "  # what a worker's name begins with; the folder for notes follows
_hiding = threading.Lock()  # taken while the fork server holds its `_starting`
_thread = threading.local()  # .imports: it is importing a user's module


def worker_name(scratch: str) -> str:
    """The name of a worker process whose notes go there."""
    return f"{_WORKER}{scratch}"


def _note_folder() -> str | None:
    """The folder for notes, in a worker; None elsewhere."""
    name: str = getattr(_started_process(), "name", "")
    return name.removeprefix(_WORKER) if name.startswith(_WORKER) else None


def _started_process() -> Any:
    """This process as multiprocessing knows it, which has loaded its module in each that it has
    started; None without it. A run that has no workers never loads it."""
    loaded: Any = sys.modules.get("multiprocessing.process")
    return loaded and loaded.current_process()


def imported_by_workers() -> str | None:
    """What a worker imports as main module: a script, a module. None if there is nothing that
    could be imported: at a prompt, in a notebook, of standard input, of `python -m package`."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        name: str = spec.name
        return (
            None if name == "__main__" or name.endswith(".__main__") else name
        )
    file = getattr(main, "__file__", None)
    return file if file and os.path.isfile(file) else None


@contextmanager
def without_missing_file() -> Iterator[None]:
    """Start processes in here: multiprocessing has them import `__file__`, even if it is called
    `<stdin>` and not there."""
    main = vars(sys.modules["__main__"])
    if "__file__" not in main or imported_by_workers() is not None:
        yield
        return
    with _hiding:
        file = main.pop("__file__")
        try:
            yield
        finally:
            main["__file__"] = file


@contextmanager
def importing_functions() -> Iterator[None]:
    """A module is imported for its functions in here: no run may begin by that."""
    _thread.imports = True
    try:
        yield
    finally:
        _thread.imports = False


def refuse_second_run() -> None:
    """Call where a run begins: a worker that imports its parent's script ends here, in silence.

    Raises UsageError in processes that another program has started so, in a worker's own work, and
    while a module is imported for its functions.
    """
    scratch = _note_folder()
    # what multiprocessing asks, too
    is_new = getattr(_started_process(), "_inheriting", False)
    if is_new and scratch is not None:
        _leave_note(scratch, GUARD)
        # an exception might be caught, and what was printed would be printed again
        os._exit(1)
    if is_new or scratch is not None or getattr(_thread, "imports", False):
        raise UsageError(GUARD)


def excepthook_of(
    describe: Callable[[BaseException], str],
) -> Callable[..., None]:
    """An excepthook for the fork server, which calls it when a child cannot become a worker."""

    def hook(
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        scratch = _note_folder()
        if scratch is None:
            sys.__excepthook__(kind, error, trace)
        else:
            _leave_note(scratch, describe(error))

    return hook


def _leave_note(scratch: str, text: str) -> None:
    # Without the note the parent still sees that the worker has died.
    with suppress(OSError):
        Path(scratch, f"trouble-{os.getpid()}").write_text(text, "utf-8")


def import_trouble(scratch: str) -> str | None:
    """Why workers failed when they imported the script; None if nothing is known."""
    notes = sorted(Path(scratch).glob("trouble-*"))
    troubles = {note.read_text("utf-8") for note in notes} - {""}
    if not troubles:
        return None
    if GUARD in troubles:
        return f"{GUARD}: {_script_name()}"
    return (
        f"worker processes import {_script_name()} again, and come to {min(troubles)}: "
        'what only the program itself is to do must stand below `if __name__ == "__main__":`'
    )


def unexplained_death() -> str:
    """What to say when workers have died without a note."""
    if imported_by_workers() is None:
        return "the worker processes cannot start: they die, or do not answer"
    return (
        f"the worker processes end, or do not answer, when they import {_script_name()} again: "
        'what only the program itself is to do must stand below `if __name__ == "__main__":`'
    )


def _script_name() -> str:
    name = imported_by_workers() or "the script"
    return os.path.basename(name) if os.sep in name else name
