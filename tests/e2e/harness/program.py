"""A program that runs beside a check and ends with it."""

import signal
import subprocess


class Program:
    """A child process whose output goes to a file. Use as a context manager."""

    def __init__(self, command, log, env=None):
        self.log = log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
            )

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        """What it has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds):
        """Its exit code; raises `subprocess.TimeoutExpired` when it runs on."""
        return self.process.wait(timeout=seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.running():
            return
        self.signal(signal.SIGINT)
        try:
            self.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait(5)
