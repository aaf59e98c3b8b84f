"""Runs a command on a terminal of its own and types one answer per question: terminal.py ANSWERS COMMAND...

ANSWERS are separated by commas. Prints what the terminal shows and ends with the command's exit status.
"""

import os
import pty
import sys
import termios
import time

answers = sys.argv[1].split(",")
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown = b""
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:  # The command has closed its side.
        break
    if not part:
        break
    shown += part
    if answers and shown.endswith(b": "):
        while termios.tcgetattr(terminal)[3] & termios.ECHO:  # A person takes longer to begin than the echo to end.
            time.sleep(0.01)
        os.write(terminal, answers.pop(0).encode() + b"\n")
_, status = os.waitpid(pid, 0)
sys.stdout.write(shown.decode())
sys.exit(os.waitstatus_to_exitcode(status))
