"""A page in headless Chromium, driven by its own protocol over two pipes: no driver, no port, no package.

with Browser() as browser:
    browser.open("file:///tmp/report.html")
    browser.run("document.title")
    browser.requests, browser.complaints
"""

import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

SECONDS = 60  # for one answer: a runner's first start of a browser is slow
COMPLAINTS = (
    "Log.entryAdded",
    "Page.javascriptDialogOpening",
    "Runtime.consoleAPICalled",
    "Runtime.exceptionThrown",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")


class Browser:
    """One page. ``requests``: every address asked for; ``complaints``: console errors, exceptions, refusals."""

    _session = None

    def __enter__(self):
        found = next(filter(None, map(shutil.which, NAMES)), None)
        assert found, "this test needs Chromium: on Debian, apt-get install chromium"
        self.requests, self.complaints, self._number, self._unread = [], [], 0, b""
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_it, self._write = _high(os.pipe())
        self._read, from_it = _high(os.pipe())

        def as_three_and_four():  # where --remote-debugging-pipe reads and writes
            os.dup2(to_it, 3)
            os.dup2(from_it, 4)

        flags = ["--headless", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe", "--window-size=1200,900"]
        flags += [f"--user-data-dir={self._profile.name}", "--lang=en-US", "about:blank"]
        if os.geteuid() == 0:
            flags.insert(0, "--no-sandbox")  # Chromium's sandbox refuses root, which a container's user often is
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen([found, *flags], preexec_fn=as_three_and_four, pass_fds=(3, 4), **quiet)
        os.close(to_it)
        os.close(from_it)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(SECONDS)
        os.close(self._read)
        os.close(self._write)
        self._profile.cleanup()

    def call(self, method, **parameters):
        """Send a command; its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self._wait(lambda said: said.get("id") == self._number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def open(self, address):
        """Open a page and wait until all of it is loaded."""
        self.call("Page.navigate", url=address)
        deadline = time.monotonic() + SECONDS
        while self.run("document.readyState") != "complete" or self.run("location.href") == "about:blank":
            assert time.monotonic() < deadline, f"{address} was not loaded"

    def run(self, expression):
        """Value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _wait(self, wanted):
        deadline = time.monotonic() + SECONDS
        while True:
            while b"\0" in self._unread:
                line, _, self._unread = self._unread.partition(b"\0")
                said = json.loads(line)
                self._note(said.get("method"), said.get("params", {}))
                if wanted(said):
                    return said
            ready, _, _ = select.select([self._read], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"Chromium did not answer within {SECONDS} s"
            read = os.read(self._read, 1 << 20)
            assert read, "Chromium ended"
            self._unread += read

    def _note(self, method, parameters):
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method in COMPLAINTS:
            self.complaints.append(parameters)


def _high(ends):
    """Move a pipe's ends away from 3 and 4, which the child puts its own on."""
    high = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high
