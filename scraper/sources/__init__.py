"""Where URLs come from.

A `Source` is one list: its name, what identifies it, and its raw lines. The `Reader` turns the
lines of all sources into tasks, in a thread of its own, and posts a message when some are there.

- `source.py`: files, standard input, the URLs of a command line or of a script
- `reader.py`: the thread that reads
- `text.py`: bytes to lines; a line to a task, with what is wrapped around the URL taken off
- `forms.py`: lists that are another format (a table, HTML, an archive), which are refused
- `tables.py`: lists that are tables; `rows.py`, `parquet.py`: their rows out of bytes
- `packed.py`: compressed files; `kept.py`: a pipe whose beginning is read more than once
"""
