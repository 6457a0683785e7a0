"""Runs a command in a pseudo-terminal of its own, as a person would: python3 pty-fixture.py '{"argv": [...], "columns": 80, "steps": [["expect", "send"], ...]}'

Waits for each text in turn, then types what stands beside it. Prints what the terminal showed, and the exit code, as JSON.
"""
import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

WITHIN_S = 60


def main():
    asked = json.loads(sys.argv[1])
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(asked["argv"][0], asked["argv"], {**os.environ, **asked["env"]})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, asked["columns"], 0, 0))
    steps, shown, looked = list(asked["steps"]), b"", 0
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        while steps and steps[0][0].encode() in shown[looked:]:
            expected, typed = steps.pop(0)
            looked = shown.index(expected.encode(), looked) + len(expected.encode())
            os.write(terminal, typed.encode())
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    else:
        os.kill(child, 9)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps({"shown": shown.decode("utf8", "replace"), "code": code, "left": [step[0] for step in steps]}))


main()
