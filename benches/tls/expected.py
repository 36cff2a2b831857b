"""Which certificate each host is to be served with, while they change one at a time."""

import threading
import time


class Expected:
    """Judges what handshakes saw. A host's old certificate is right until a handshake has seen the
    new one."""

    def __init__(self, ders):
        self.names = list(ders)
        self.right = self.stale = self.wrong = 0
        self.changing = self.names[0]
        self._lock = threading.Lock()
        self._current = dict(ders)
        self._old = {}
        self._served_at = dict.fromkeys(ders, 0.0)
        self._changed_at = 0.0
        self._served = threading.Event()

    def change(self, name, der):
        """The host's certificate is changed now."""
        with self._lock:
            self.changing = name
            self._old[name], self._current[name] = self._current[name], der
            self._served_at[name] = float("inf")
            self._served.clear()
            self._changed_at = time.monotonic()

    def wait(self, seconds):
        """How long it took until the change was served; `None` if it was not in time."""
        if not self._served.wait(seconds):
            return None
        return self._served_at[self.changing] - self._changed_at

    def judge(self, name, seen):
        with self._lock:
            if seen.der == self._current[name]:
                self.right += 1
                if self._served_at[name] == float("inf"):
                    self._served_at[name] = seen.shaken
                    self._served.set()
            elif seen.der != self._old.get(name):
                self.wrong += 1
            elif seen.begun > self._served_at[name]:
                self.stale += 1
            else:
                self.right += 1
